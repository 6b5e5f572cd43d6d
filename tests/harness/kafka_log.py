"""What stands in Kafka, and where: every record of a topic, with its number."""

import kafka

READ_S = 20


def lane_of(key):
    """FNV-1a 64 of the key's text, modulo the number of lanes, as everything of ours computes it."""
    spread = 0xCBF29CE484222325
    for byte in key.encode():
        spread = (spread ^ byte) * 0x100000001B3 % 2**64
    return spread % 12


def read_topic(brokers, topic):
    """{partition: [(n, message id, key, value)]} in the order of the log; n is None where there is no number."""
    consumer = kafka.KafkaConsumer(bootstrap_servers=brokers, group_id=None, enable_auto_commit=False,
                                   auto_offset_reset="earliest", consumer_timeout_ms=1000 * READ_S)
    try:
        parts = [kafka.TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        assert parts, f"there is no topic {topic}"
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        found = {part.partition: [] for part in parts}
        for part in parts:
            consumer.seek_to_beginning(part)
        while any(consumer.position(part) < ends[part] for part in parts):
            polled = consumer.poll(1000 * READ_S)
            assert polled, f"{topic} could not be read to its end"
            for part, records in polled.items():
                found[part.partition] += [_told(record) for record in records if record.offset < ends[part]]
        return found
    finally:
        consumer.close()


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
