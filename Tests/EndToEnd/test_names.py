"""Names as the kernel has them: log files whose names are not UTF-8, names that look alike, names that steer a terminal,
and symbolic links of others."""

import json
import os
import subprocess

from support import BINARY, Scratch, eventually, require_root

# "caf" with an é: of Latin-1, composed, decomposed, and what a repair of the first would be called.
STEMS = [b"caf\xe9", "caf\u00e9".encode(), "cafe\u0301".encode(), "caf\ufffd".encode()]
# What nobody should see on a terminal as it is.
STEERING = ["\x1b", "\x9b", "\x7f", "\u202e", "\u2028", "\u2066", "\ufeff"]
APP = 4001


class Named(Scratch):
    def setUp(self):
        super().setUp()
        self.logs = os.fsencode(self.directory) + b"/lg"
        os.mkdir(self.logs)
        self.out = self.directory / "out.ndjson"

    def settings(self, *patterns, output=None, **options):
        return {
            "inputs": {"app": {
                "type": "file", "paths": [f"{self.directory}/lg/{pattern}" for pattern in patterns],
                "rescan_interval": "300ms", **options}},
            "outputs": {"out": output or {"type": "file", "path": str(self.out)}},
            "routes": [{"from": "app", "to": "out"}]}

    def append(self, name, text):
        path = os.path.join(self.logs, name)
        with open(path, "ab") as file:
            file.write(text)
        return path

    def messages(self):
        if not self.out.exists():
            return []
        return sorted(json.loads(line)["message"] for line in self.out.read_bytes().splitlines())

    def wait_for(self, *messages):
        eventually(lambda: self.messages() == sorted(messages), 20, lambda: f"{messages}, not {self.messages()}")

    def vitals(self, *arguments, **options):
        return subprocess.run([BINARY, *arguments], capture_output=True, timeout=60, **options)


class Bytes(Named):
    def test_each_name_is_a_file_of_its_own(self):
        for number, stem in enumerate(STEMS):
            self.append(stem + b".log", b"one %d\n" % number)
        agent = self.agent(self.settings("*.log")).start()
        wanted = [f"one {number}" for number in range(4)]
        self.wait_for(*wanted)
        # Rotated while it runs, and while it does not.
        for word, stopped in [("two", False), ("three", True)]:
            if stopped:
                self.assertEqual(agent.stop(), 0)
            for number, stem in enumerate(STEMS):
                path = os.path.join(self.logs, stem + b".log")
                os.rename(path, path + b"." + word.encode())
                os.rename(path + b"." + word.encode(), path + (b".1" if word == "two" else b".2"))
                self.append(stem + b".log", f"{word} {number}\n".encode())
                wanted.append(f"{word} {number}")
            if stopped:
                agent.start()
            self.wait_for(*wanted)
        self.assertEqual(agent.stop(), 0)
        listed = self.vitals("cursors", "--config", agent.config, "--state-directory", agent.state)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertEqual(listed.stdout.count(b"/lg/caf"), 12, listed.stdout)
        listed = self.vitals("cursors", "--json", "--config", agent.config, "--state-directory", agent.state)
        paths = {entry.get("path_bytes", entry["path"]) for entry in json.loads(listed.stdout)[0]["cursor"]["files"]}
        live = [os.path.join(self.logs, stem + b".log") for stem in STEMS]
        self.assertEqual(paths, {live[0].hex(), *(path.decode() for path in live[1:])})

    def test_directories_and_check(self):
        for number, stem in enumerate(STEMS):
            os.mkdir(os.path.join(self.logs, stem))
            self.append(os.path.join(stem, b"a.log"), b"one %d\n" % number)
        agent = self.agent(self.settings("*/a.log", "{x,caf?}/none.log"))
        checked = self.vitals("check", "--config", agent.config, "--state-directory", agent.state)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn("a.log: 4 files", checked.stdout.decode())
        agent.start()
        self.wait_for(*[f"one {number}" for number in range(4)])
        for number, stem in enumerate(STEMS):
            os.mkdir(os.path.join(self.logs, b"new-" + stem))
            self.append(os.path.join(b"new-" + stem, b"a.log"), b"new %d\n" % number)
        self.wait_for(*[f"{word} {number}" for word in ["one", "new"] for number in range(4)])

    def test_records_are_valid_json_with_the_name_in_them(self):
        for number, stem in enumerate(STEMS):
            self.append(stem + b".log", b"%d\n" % number)
        receiver = self.receiver()
        self.agent(self.settings("*.log", output={"type": "http", "url": receiver.url})).start()
        eventually(lambda: len(receiver.records) == 4, 20, "four records")
        files = {record["message"]: os.path.basename(record["file"]) for record in receiver.records}
        self.assertEqual(
            files, {"0": "caf\ufffd.log", "1": "caf\u00e9.log", "2": "cafe\u0301.log", "3": "caf\ufffd.log"})


    def test_names_of_the_characters_of_patterns(self):
        """fluent/fluent-bit#6856 and fluent/fluentd#2001: quotes, brackets and commas in names."""
        names = [b"'[cloud][sql server].log'", b"test,dev.log", b"a{b}.log", b"star*.log", b"back\\slash.log", b"q?.log",
                 b" .log"]
        for number, name in enumerate(names):
            self.append(name, b"%d\n" % number)
        agent = self.agent(self.settings("*.log", r"'\[cloud\]*'", "test,dev.log")).start()
        self.wait_for(*map(str, range(len(names))))
        self.assertEqual(agent.stop(), 0)
        self.out.unlink()
        self.agent(self.settings(r"a\{b\}.log", r"star\*.log", r"back\\slash.log", r"q\?.log"), name="escaped").start()
        self.wait_for("2", "3", "4", "5")


class Printing(Named):
    def test_nothing_steers_the_terminal(self):
        name = "a\nb" + "".join(STEERING) + "\\c"
        self.append(name.encode() + b".log", b"x\n")
        # A link to itself cannot be read by anybody.
        os.symlink(name.encode() + b"2.log", os.path.join(self.logs, name.encode() + b"2.log"))
        agent = self.agent(self.settings("*.log")).start()
        self.wait_for("x")
        shown = "a\\nb\\x1b\\x9b\\x7f\\u{202e}\\u{2028}\\u{2066}\\u{feff}\\\\c"
        eventually(lambda: f"{shown}2.log" in agent.command("status"), 10, lambda: agent.command("status"))
        texts = {"status": agent.command("status"), "log": agent.log()}
        for command in ["check", "cursors"]:
            ran = self.vitals(command, "--config", agent.config, "--state-directory", agent.state)
            texts[command] = ran.stdout.decode() + ran.stderr.decode()
            self.assertIn(f"{shown}.log", texts[command])
        agent.stop()
        for command, text in texts.items():
            for steering in STEERING:
                self.assertNotIn(steering, text, command)

    def test_errors_of_settings_and_of_the_command_line(self):
        bad = "".join(STEERING)
        config = self.directory / "agent.json"
        config.write_text(json.dumps({"end" + bad: 1}))
        for arguments in [["check", "--config", config], ["check", "--config", f"/none{bad}"], [f"run{bad}"],
                          ["once", "--collect", bad], ["cursors", "--state-directory", f"/none{bad}"],
                          ["status", "--listen", f"unix:/none{bad}"], ["run", "--listen", bad], [f"--{bad}"]]:
            ran = self.vitals(*arguments)
            self.assertNotEqual(ran.returncode, 0)
            self.assertNotEqual(ran.stderr, b"")
            for steering in STEERING:
                self.assertNotIn(steering, ran.stderr.decode() + ran.stdout.decode(), arguments)


class Settings(Named):
    def check(self, text, **options):
        path = self.directory / "agent.json"
        path.write_bytes(text)
        ran = self.vitals("check", "--config", path, **options)
        self.assertEqual(ran.returncode, 1, ran.stdout)
        return ran.stderr.decode().removeprefix(f"{path}:")

    def test_what_is_no_text_is_refused_with_its_place(self):
        for text, place in [
            (b'{\n "inputs": {"a": {"type": "file", "paths": ["/var/log/caf\xe9.log"]}}}', "2:58: the byte 0xe9"),
            (b'{ // \xff\n}', "1:6: the byte 0xff"),
            (b'{"\xc3": 1}', "1:3: the byte 0xc3"),
            (b'{\n "state_directory": "/tmp/a\\u0000b"}', "2:28: a NUL"),
            (b'{"a\\u0000": 1}', "1:4: a NUL"),
            (b'{"state_directory": "/tmp/\\ud800x"}', "1:27: half a surrogate"),
            ('{"state_directory": "/tmp"}'.encode("utf-16"), "1:1: the file is UTF-16"),
        ]:
            self.assertTrue(self.check(text).startswith(place), (place, self.check(text)))

    def test_variables_words_and_names_of_settings_files(self):
        text = self.check(b'{\n "state_directory": "${BAD}"}', env={**os.environb, b"BAD": b"/tmp/\xe9"})
        self.assertTrue(text.startswith("2:21: state_directory: the environment variable BAD is not"), text)
        ran = self.vitals("check", "--config", os.fsencode(self.directory) + b"/caf\xe9.json")
        self.assertEqual((ran.returncode, b"argument 3 is not UTF-8" in ran.stderr), (2, True), ran.stderr)
        # In a directory they may be called as they are, and both of two that look alike are read.
        settings = os.fsencode(self.directory) + b"/agent.d"
        os.mkdir(settings)
        for number, stem in enumerate(STEMS):
            with open(os.path.join(settings, stem + b".json"), "w") as file:
                json.dump({"outputs": {f"out{number}": {"type": "stdout"}}}, file)
        ran = self.vitals("check", "--config", settings, "--state-directory", self.directory / "state")
        self.assertNotIn(b"No such file", ran.stderr)
        for number in range(4):
            with open(os.path.join(settings, STEMS[number] + b".json"), "w") as file:
                file.write("{\n ?")
            ran = self.vitals("check", "--config", settings)
            self.assertIn(f"{STEMS[number].decode(errors='replace')}.json:2:2".encode(), ran.stderr)
            os.remove(os.path.join(settings, STEMS[number] + b".json"))

    def test_a_state_directory_is_not_made_beside_the_one_that_was_meant(self):
        where = os.fsencode(self.directory) + b"/d\xe9"
        os.mkdir(where)
        config = self.directory / "agent.json"
        config.write_text(json.dumps(self.settings("*.log")))
        ran = self.vitals("check", "--config", config, "--state-directory", "state", cwd=where)
        self.assertEqual(ran.returncode, 1)
        self.assertIn(b"state_directory", ran.stderr)
        self.assertEqual(os.listdir(where), [])


class Links(Named):
    def setUp(self):
        super().setUp()
        require_root()
        os.chmod(self.directory, 0o755)
        self.app = os.path.join(self.logs, b"app")
        os.mkdir(self.app)
        os.chown(self.app, APP, APP)
        self.secret = self.directory / "secret"
        self.secret.write_text("secret\n")

    def link(self, name, target, owner=APP):
        path = os.path.join(self.app, os.fsencode(name))
        # Made elsewhere: a link is root's, and so followed, until it is given away.
        new = self.directory / "new-link"
        os.symlink(target, new)
        os.lchown(new, owner, owner)
        os.rename(new, path)
        return path

    def test_a_link_of_a_user_exports_nothing_of_others(self):
        self.link("x.log", self.secret)
        private = self.directory / "private"
        private.mkdir()
        (private / "a.log").write_text("private\n")
        self.link("d", private)
        own = self.append(b"app/own.log", b"own\n")
        os.chown(own, APP, APP)
        self.link("mine.log", "own.log")
        shared = self.directory / "shared"
        shared.write_text("shared\n")
        self.link("root.log", shared, owner=0)
        settings = self.settings("*/*.log", "*/*/*.log")
        agent = self.agent(settings)
        checked = self.vitals("check", "--config", agent.config, "--state-directory", agent.state)
        self.assertEqual(checked.returncode, 1)
        self.assertIn(f"app/x.log: the symbolic link {self.directory}/lg/app/x.log of user {APP}", checked.stdout.decode())
        self.assertIn("app/d/a.log: the symbolic link", checked.stdout.decode())
        agent.start()
        # Two names of one file are one.
        self.wait_for("own", "shared")
        # The link is there before the file, and takes the place of one that is followed.
        late = self.append(b"app/late.log", b"late\n")
        self.wait_for("own", "shared", "late")
        self.link("late.log", self.secret)
        eventually(lambda: "late.log: the symbolic link" in agent.command("status"), 10, lambda: agent.command("status"))
        self.assertIn('"follow_symlinks"', agent.command("status"))
        self.assertRegex(agent.metrics(), r'vitals_input_events_total\{[^}]*reason="link_refused"\} [1-9]')
        self.assertRegex(agent.metrics(), r'vitals_input_events_total\{[^}]*reason="file_unreadable"\} 0\n')
        self.append(b"app/own.log", b"more\n")
        self.wait_for("own", "shared", "late", "more")
        # Made right, it is followed.
        os.lchown(os.path.join(self.app, b"x.log"), 0, 0)
        self.wait_for("own", "shared", "late", "more", "secret")
        self.assertTrue(late)

    def test_relative_and_dangling_links_and_a_link_beside_its_file(self):
        """grafana/loki#7102, #2513, #377 and elastic/beats#1686."""
        own = self.append(b"app/b.txt", b"b\n")
        os.chown(own, APP, APP)
        self.link("a.log", "./b.txt")
        self.link("beside.log", "b.txt")
        self.link("dangling.log", "/nowhere/x.log")
        agent = self.agent(self.settings("*/*.log", "*/b.txt")).start()
        self.wait_for("b")
        self.append(b"app/b.txt", b"more\n")
        self.wait_for("b", "more")
        self.assertNotIn("dangling", agent.command("status") + agent.log())

    def test_a_directory_that_becomes_a_link(self):
        private = self.directory / "private"
        private.mkdir()
        for name in ["a.log", "a.log.1"]:
            (private / name).write_text(f"secret {name}\n")
        real = os.path.join(self.app, b"d")
        os.mkdir(real)
        self.append(b"app/d/a.log", b"one\n")
        agent = self.agent(self.settings("*/*/*.log", rotation_grace="500ms")).start()
        self.wait_for("one")
        os.rename(real, real + b"2")
        self.link("d", private)
        self.append(b"app/d2/a.log", b"two\n")
        eventually(lambda: "app/d of user" in agent.command("status"), 10, lambda: agent.command("status"))
        self.wait_for("one", "two")
        agent.stop()
        agent.start()
        self.append(b"app/d2/a.log", b"three\n")
        self.wait_for("one", "two", "three")

    def test_always_and_never(self):
        self.link("x.log", self.secret)
        self.link("root.log", self.secret, owner=0)
        plain = self.append(b"app/plain.log", b"plain\n")
        agent = self.agent(self.settings("*/*.log", follow_symlinks="never")).start()
        self.wait_for("plain")
        eventually(lambda: "is a symbolic link" in agent.command("status"), 10, lambda: agent.command("status"))
        self.assertEqual(agent.stop(), 0)
        self.out.unlink()
        # What the settings name before a wildcard is theirs, in each mode.
        (self.directory / "way").symlink_to(self.app.decode())
        os.lchown(self.directory / "way", APP + 1, APP + 1)
        settings = self.settings("none", follow_symlinks="never")
        settings["inputs"]["app"]["paths"] = [f"{self.directory}/way/plain.log"]
        agent = self.agent(settings, name="way").start()
        self.wait_for("plain")
        self.assertEqual(agent.stop(), 0)
        self.out.unlink()
        agent = self.agent(self.settings("*/x.log", follow_symlinks="always"), name="always").start()
        self.wait_for("secret")
        self.assertTrue(plain)
