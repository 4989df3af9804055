"""A zip file handled with suspicion: sizes are checked before anything is read or unpacked."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ms_ovs.errors import UserError

MAX_TEXT = 64 << 20  # bytes of a pickle or a source file; those of the largest models have 1 to 2 MB
MAX_RATIO = 200  # unpacked to packed size; pickles and source text reach about 20
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")


class Archive:
    """The entries of a zip file in torch's layout: everything below one top folder, the `root`."""

    def __init__(self, path: Path):
        """Read the table of contents. Raises `UserError` for a damaged, doubled or overlapping one."""
        self.path = path
        try:
            with zipfile.ZipFile(path) as file:
                infos = file.infolist()
        except (zipfile.BadZipFile, NotImplementedError, struct.error, UnicodeError, OverflowError) as error:
            raise UserError(f"a damaged or cut-off zip file ({error}): copy or download it again") from error
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            if self._infos.setdefault(info.filename, info) is not info:
                raise UserError(f"entry {info.filename!r} stands twice in the zip file: refused")
        size = path.stat().st_size
        if any(not 0 <= info.header_offset < size for info in infos):
            raise UserError("the zip file points outside itself: it is damaged, copy or download it again")
        if sum(info.compress_size for info in infos) > size:
            raise UserError("the zip file's entries overlap or overstate their size (a zip bomb?): refused")
        roots = [name.removesuffix("/data.pkl") for name in self._infos if name.endswith("/data.pkl")]
        roots = [root for root in roots if "/" not in root]
        if len(roots) != 1:
            raise UserError(
                "a zip file, but not one that torch wrote (no single <folder>/data.pkl in it): "
                "give a .pt, .pth, .ckpt or .safetensors file"
            )
        self.root = roots[0]

    def __contains__(self, name: str) -> bool:
        return f"{self.root}/{name}" in self._infos

    def small(self, name: str) -> bytes:
        """The unpacked bytes of a pickle, a record or a source file."""
        info = self._info(name)
        if info.file_size > MAX_TEXT:
            raise UserError(f"{name} has {info.file_size} bytes, more than {MAX_TEXT}: refused")
        if info.file_size > MAX_RATIO * max(info.compress_size, 64):
            raise UserError(
                f"{name} unpacks from {info.compress_size} to {info.file_size} bytes (a zip bomb?): refused"
            )
        packed = self._bytes(info, 0, info.compress_size).tobytes()
        if info.compress_type == zipfile.ZIP_STORED:
            return packed
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = unpacker.decompress(packed, info.file_size + 1)
        except zlib.error as error:
            raise UserError(f"{name} is damaged ({error}): copy or download the file again") from error
        if info.compress_type != zipfile.ZIP_DEFLATED or len(data) != info.file_size:
            raise UserError(f"{name} does not unpack to the size it declares: refused")
        return data

    def storage_size(self, name: str) -> int:
        """Bytes of an entry that holds tensor values; torch never compresses those."""
        info = self._info(name)
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise UserError(
                f"the values in {name} are compressed ({info.compress_size} for {info.file_size} bytes), "
                "which torch never does (a zip bomb?): refused; save the checkpoint again with torch.save"
            )
        return info.file_size

    def values(self, name: str, start: int, count: int) -> np.ndarray:
        """Bytes `start` to `start + count` of a stored entry, as uint8; of a whole entry the checksum too."""
        info = self._info(name)
        array = self._bytes(info, start, count)
        if count == info.file_size and zlib.crc32(array.data) != info.CRC:
            raise UserError(
                f"{self.path}: {name} does not match its checksum: the file is damaged, copy or download it "
                "again (or it was saved with compute_crc32=False: save it again without)"
            )
        return array

    def _bytes(self, info: zipfile.ZipInfo, start: int, count: int) -> np.ndarray:
        """`count` bytes as they lie in the file, from byte `start` of the entry on."""
        array = np.empty(count, np.uint8)
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(_LOCAL_HEADER.size)
            if len(header) == _LOCAL_HEADER.size and header.startswith(b"PK\x03\x04"):
                *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
                file.seek(name_length + extra_length + start, 1)
                if file.readinto(array.data) == count:
                    return array
        raise UserError(f"{self.path}: {info.filename} is cut off: copy or download the file again")

    def _info(self, name: str) -> zipfile.ZipInfo:
        try:
            info = self._infos[f"{self.root}/{name}"]
        except KeyError:
            raise UserError(f"{name} is missing: the file is damaged, copy or download it again") from None
        if info.flag_bits & 0x1:
            raise UserError(f"{name} is encrypted: unpack and save the checkpoint without a password")
        return info
