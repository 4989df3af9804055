"""What a command says where the user's input is at fault."""


def one_line(text):
    """The only line of stderr; blank ones are what is left of the progress shown."""
    lines = text.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("ms-ovs: error: ")
    return lines[0]
