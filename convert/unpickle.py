"""Reading pickles without running them.

A pickle is a program for a small stack machine, and Python's own machine calls whatever the program
names. This one knows only the instructions that build values. A global that the file names is never
looked up: it stays a `Global`, a name. Calling one works for the few names whose meaning the reader
supplies (`calls`); any other call leaves a `Placeholder` that remembers what was asked for and the
plain state that came with it. Names that run things end the reading at once (`convert.refused`).
"""

import pickletools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from convert.refused import refuse_running
from ms_ovs.errors import UserError


@dataclass(frozen=True)
class Global:
    """The name of something a pickle asked for. It was not looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Placeholder:
    """What stands where the pickle wanted an object made by `maker`; it does nothing."""

    maker: Global
    state: Any = None
    items: dict = field(default_factory=dict)
    elements: list = field(default_factory=list)

    def __str__(self) -> str:
        return f"<{self.maker}>"


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set, "EMPTY_TUPLE": tuple}
# fmt: off
_LITERALS = frozenset((
    "INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
))
# fmt: on


class Unpickler:
    """The machine. `calls` maps "module.name" to the function that stands for it; `persistent` makes a
    value of a persistent id (torch: a storage)."""

    def __init__(self, calls: Mapping[str, Callable], persistent: Callable[[Any], Any]):
        self._calls = calls
        self._persistent = persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def load(self, data: bytes) -> Any:
        """The value that the pickle builds. Raises `UserError` for a damaged or hostile one."""
        try:
            for opcode, argument, _ in pickletools.genops(data):
                if opcode.name == "STOP":
                    return self._stack.pop()
                self._step(opcode.name, argument)
        except UserError:
            raise
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise UserError(f"the pickle is damaged ({error}): copy or download the file again") from error
        except (MemoryError, RecursionError) as error:
            raise UserError("the pickle asks for absurd amounts of memory: refused") from error
        raise UserError("the pickle is cut off: copy or download the file again")

    def _step(self, op: str, argument: Any) -> None:
        stack, push, pop = self._stack, self._stack.append, self._stack.pop
        if op in _LITERALS:
            push(argument)
        elif op in _CONSTANTS:
            push(_CONSTANTS[op])
        elif op in _EMPTY:
            push(_EMPTY[op]())
        elif op in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif op == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif op in ("GET", "BINGET", "LONG_BINGET"):
            push(self._memo[argument])
        elif op == "MARK":
            push(_MARK)
        elif op in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(op[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif op == "TUPLE":
            push(tuple(self._pop_to_mark()))
        elif op == "LIST":
            push(self._pop_to_mark())
        elif op == "DICT":
            push(put_items({}, self._pop_to_mark()))
        elif op == "FROZENSET":
            push(frozenset(_key(value) for value in self._pop_to_mark()))
        elif op in ("APPEND", "APPENDS"):
            values = [pop()] if op == "APPEND" else self._pop_to_mark()
            owner = stack[-1]
            (owner.elements if isinstance(owner, Placeholder) else owner).extend(values)
        elif op == "ADDITEMS":
            values = self._pop_to_mark()
            stack[-1].update(_key(value) for value in values)
        elif op in ("SETITEM", "SETITEMS"):
            values = [pop(), pop()][::-1] if op == "SETITEM" else self._pop_to_mark()
            owner = stack[-1]
            put_items(owner.items if isinstance(owner, Placeholder) else owner, values)
        elif op == "GLOBAL":
            push(self._global(*argument.split(" ", 1)))
        elif op == "STACK_GLOBAL":
            name, module = pop(), pop()
            push(self._global(module, name))
        elif op in ("REDUCE", "NEWOBJ"):
            arguments, maker = pop(), pop()
            push(self._make(maker, arguments))
        elif op == "NEWOBJ_EX":
            _, arguments, maker = pop(), pop(), pop()
            push(self._make(maker, arguments))
        elif op == "OBJ":
            maker, *arguments = self._pop_to_mark()
            push(self._make(maker, arguments))
        elif op == "INST":
            maker = self._global(*argument.split(" ", 1))
            push(self._make(maker, self._pop_to_mark()))
        elif op == "BUILD":
            state, owner = pop(), stack[-1]
            # Containers and tensors get notes here that no value depends on (a state dict's _metadata).
            if isinstance(owner, Placeholder):
                owner.state = state
        elif op == "BINPERSID":
            push(self._persistent(pop()))
        elif op == "POP":
            pop()
        elif op == "POP_MARK":
            self._pop_to_mark()
        elif op == "DUP":
            push(stack[-1])
        elif op not in ("PROTO", "FRAME"):
            raise UserError(f"the pickle uses instruction {op}, which torch does not write: refused")

    def _pop_to_mark(self) -> list[Any]:
        values = []
        while (value := self._stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    @staticmethod
    def _global(module: Any, name: Any) -> Global:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise UserError("the pickle names a global by something that is no text: refused")
        refuse_running(module, name)
        return Global(module, name)

    def _make(self, maker: Any, arguments: Iterable[Any]) -> Any:
        if not isinstance(maker, Global):
            raise UserError("the pickle calls something that is no name of a class or function: refused")
        if function := self._calls.get(str(maker)):
            return function(*arguments)
        arguments = list(arguments)
        if maker.name == "_reconstructor" and maker.module in ("copyreg", "copy_reg"):
            # How protocols 0 and 1 make an object: (class, base class, value of the base class).
            class_, _, value = arguments
            if not isinstance(class_, Global):
                raise UserError("the pickle makes an object of something that is no class: refused")
            made = Placeholder(class_)
            if isinstance(value, dict):
                made.items.update(value)
            return made
        return Placeholder(maker)


def put_items(owner: dict, values: Iterable[Any]) -> dict:
    """Put the alternating keys and values into `owner`; a key that is there already is an error."""
    values = list(values)
    for key, value in zip(values[::2], values[1::2], strict=True):
        if _key(key) in owner:
            raise UserError(f"the key {key!r} stands twice in the file: one of the two must go")
        owner[key] = value
    return owner


def _key(value: Any) -> Any:
    """`value`, if it may be a key: hashing nested tuples can take for ever or bring the interpreter down."""
    if isinstance(value, tuple) and (len(value) > 16 or any(isinstance(part, tuple) for part in value)):
        raise UserError("the pickle has nested tuples as a key: refused")
    return value


def plain(value: Any) -> Any:
    """`value` with placeholders turned into the dicts they carried, and anything else unknown into text."""
    return _plain(value, {}, 0)


def _plain(value: Any, seen: dict[int, Any], depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if id(value) in seen:
        return seen[id(value)]
    content = value
    if isinstance(value, Placeholder):
        content = {**(value.state if isinstance(value.state, dict) else {}), **value.items}
        if not content:
            return str(value)
    if depth == 32 or not isinstance(content, (dict, list, tuple)):
        return f"<{type(value).__name__}>"
    # What has been seen is remembered before it is filled, so that cycles end.
    if isinstance(content, dict):
        out = seen[id(value)] = {}
        out.update((str(name), _plain(part, seen, depth + 1)) for name, part in content.items())
    else:
        out = seen[id(value)] = []
        out.extend(_plain(part, seen, depth + 1) for part in content)
    return out
