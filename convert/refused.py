"""Names in a pickle that end the reading at once: they run code, reach outside or unpickle again."""

from ms_ovs.errors import UserError

# Whole modules, with everything below them.
# fmt: off
_MODULES = frozenset((
    "os", "posix", "nt", "subprocess", "commands", "popen2", "pty", "tty", "sys", "shutil", "tempfile",
    "importlib", "imp", "pkgutil", "runpy", "zipimport", "code", "codeop", "ctypes", "_ctypes", "cffi",
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal",
    "multiprocessing", "threading", "_thread", "asyncio", "concurrent", "signal", "atexit", "gc", "inspect",
    "socket", "ssl", "urllib", "urllib2", "http", "httplib", "ftplib", "smtplib", "telnetlib", "xmlrpc",
    "requests", "httpx", "aiohttp", "paramiko", "webbrowser", "platform",
    "pdb", "bdb", "trace", "profile", "cProfile", "timeit", "doctest", "unittest", "pydoc", "idlelib",
    "lib2to3", "site", "ensurepip", "venv", "pip", "setuptools", "distutils",
))
# Functions and types, wherever a dotted name reaches them and in the modules below.
_NAMES = frozenset((
    "eval", "exec", "execfile", "compile", "getattr", "setattr", "delattr", "hasattr", "open", "input",
    "raw_input", "breakpoint", "globals", "locals", "vars", "dir", "apply", "reload", "reduce", "system",
    "popen", "attrgetter", "methodcaller", "itemgetter", "import_module", "run_module", "run_path",
    "FunctionType", "CodeType", "LambdaType", "MethodType", "ModuleType",
))
_WATCHED = frozenset(("operator", "_operator", "types", "functools", "_functools", "io", "_io", "codecs"))
_BUILTINS = frozenset(("builtins", "__builtin__", "__builtins__"))
_HARMLESS_BUILTINS = frozenset((
    "object", "dict", "list", "set", "frozenset", "tuple", "int", "float", "complex", "bool", "str", "bytes",
    "bytearray", "range", "slice", "unicode", "long", "xrange", "Ellipsis", "NotImplemented",
))
_LOADERS = frozenset((
    "torch.load", "torch.serialization.load", "torch.jit.load", "torch.hub.load", "numpy.load",
    "pandas.read_pickle",
))
# fmt: on


def refuse_running(module: str, name: str) -> None:
    """Raise `UserError` when `module.name` is such a name. Others may stand there: nobody calls them."""
    parts = name.split(".")
    running = not (_NAMES | _MODULES).isdisjoint(parts)
    if (
        module.split(".")[0] in _MODULES
        or f"{module}.{name}" in _LOADERS
        or (module in _WATCHED and running)
        or (module in _BUILTINS and name not in _HARMLESS_BUILTINS)
        # A dotted name walks attributes: "os.system" of numpy.testing is os.system.
        or (len(parts) > 1 and running)
        or any(part.startswith("__") and part.endswith("__") for part in parts)
    ):
        raise UserError(
            f"the pickle asks for {module}.{name}, which can run code: refused; do not trust this file"
        )
