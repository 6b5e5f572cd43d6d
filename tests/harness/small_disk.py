"""A file system of a few megabytes in a file, that can be filled and emptied. Needs root, for mount."""

import pathlib
import shutil
import subprocess


class SmallDisk:
    """Mounted over a folder, whose content moves there."""

    def __init__(self, folder, megabytes):
        self.folder = pathlib.Path(folder)
        self.filler = self.folder / "filler"
        self.image = pathlib.Path(f"{folder}.image")
        before = pathlib.Path(f"{folder}.before")
        with open(self.image, "wb") as image:
            image.truncate(megabytes << 20)
        self._run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(self.image))
        self.folder.rename(before)
        self.folder.mkdir()
        self._run("mount", "-o", "loop", str(self.image), str(self.folder))
        self._run("cp", "-a", f"{before}/.", str(self.folder))
        (self.folder / "lost+found").rmdir()  # Kafka would take it for a partition
        shutil.rmtree(before)

    @staticmethod
    def _run(*command):
        subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def fill(self):
        """Not a byte is left."""
        with open(self.filler, "ab", buffering=0) as filler:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        filler.write(b"\0" * size)
                except OSError:
                    continue

    def empty(self):
        self.filler.unlink(missing_ok=True)

    def close(self):
        """Who has files there open keeps them; the folder is empty from now on."""
        self.empty()
        self._run("umount", "--lazy", str(self.folder))
        self.image.unlink()
