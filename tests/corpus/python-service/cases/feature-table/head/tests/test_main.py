from parcel.__main__ import main


def test_table(capsys):
    assert main(["table", "SE"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[-1] == "31500 49.90"
