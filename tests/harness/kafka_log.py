"""What stands in Kafka, and where: every record of a topic, with its number."""

import kafka

READ_S = 20


def lane_of(key):
    """FNV-1a 64 of the key's text, modulo the number of lanes, as everything of ours computes it."""
    spread = 0xCBF29CE484222325
    for byte in key.encode():
        spread = (spread ^ byte) * 0x100000001B3 % 2**64
    return spread % 12


class Log:
    """Topics of a broker. Each look reads on where the last one ended: what stands in a log does not change."""

    def __init__(self, brokers):
        self.brokers = brokers
        self.found = {}  # topic -> partition -> [(n, message id, key, value)]
        self.ends = {}  # so far each partition was read

    def read(self, *topics):
        """{topic: {partition: [(n, message id, key, value)]}} in the order of the log; n is None where there is no number."""
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.brokers, group_id=None, enable_auto_commit=False,
                                       auto_offset_reset="none", consumer_timeout_ms=1000 * READ_S)
        try:
            parts = [part for topic in topics for part in self._parts(consumer, topic)]
            consumer.assign(parts)
            self._read_on(consumer, parts)
        finally:
            consumer.close()
        return {topic: self.found[topic] for topic in topics}

    def _parts(self, consumer, topic):
        parts = [kafka.TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        assert parts, f"there is no topic {topic}"
        self.found.setdefault(topic, {part.partition: [] for part in parts})
        return parts

    def _read_on(self, consumer, parts):
        ends = consumer.end_offsets(parts)
        firsts = consumer.beginning_offsets([part for part in parts if part not in self.ends])
        self.ends.update(firsts)
        for part in parts:
            assert self.ends[part] <= ends[part], f"{part} lost its end"
            consumer.seek(part, self.ends[part])
        while any(self.ends[part] < ends[part] for part in parts):
            polled = consumer.poll(1000 * READ_S)
            assert polled, f"{sorted({part.topic for part in parts})} could not be read to their ends"
            for part, records in polled.items():
                self.found[part.topic][part.partition] += [_told(record) for record in records]
                self.ends[part] = consumer.position(part)


def read_topic(brokers, topic):
    """{partition: [(n, message id, key, value)]} of one topic."""
    return Log(brokers).read(topic)[topic]


def _told(record):
    headers = dict(record.headers)
    number = headers.get("hf_n")
    return (int(number) if number is not None else None, headers.get("ce_id", b"").decode(errors="replace"),
            (record.key or b"").decode(errors="replace"), bytes(record.value or b""))  # bad records are there, too


def gaps(records):
    """What is wrong with the numbers of one partition; empty when nothing is. A record may stand there again (its
    writer was not sure), but then it must be the same record."""
    faults = []
    seen = {}
    last = 0
    for number, message_id, key, value in records:
        if number is None:
            faults.append(f"a record of {key} has no number")
        elif number in seen:
            if seen[number] != (message_id, key, value):
                faults.append(f"n {number} stands there twice with different content")
        elif number != last + 1:
            faults.append(f"n {number} comes after {last}")
            last = number
        else:
            last = number
        seen.setdefault(number, (message_id, key, value))
    return faults
