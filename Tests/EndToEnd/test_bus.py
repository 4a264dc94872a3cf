"""The collector `systemd` on a bus that a test plays: what a real one does seldom. See test_systemd for a real one."""

import random
import struct
import time
from fake_bus import FakeBus, units, value
from node_exporter import parse
from support import Scratch

MANAGER = {"Version": value("s", "255.4-1"), "Virtualization": value("s", ""), "SystemState": value("s", "running"),
           "UnitsLoadTimestamp": value("t", 5)}
UNITS = [("a.service", "active"), ("b.socket", "active"), ("c.timer", "inactive"), ("d.target", "active"),
         ("e.mount", "active")]
DETAILS = {"Type": value("s", "simple"), "NRestarts": value("u", 3), "NAccepted": value("u", 4),
           "NConnections": value("u", 1), "NRefused": value("u", 2), "LastTriggerUSec": value("t", 1_500_000)}


class Bus(Scratch):
    def setUp(self):
        super().setUp()
        self.script = {**MANAGER, **DETAILS, "ListUnits": units(UNITS)}
        self.bus = FakeBus(self.directory / "bus", self.answer)
        self.addCleanup(self.bus.stop)
        self.vitals = self.agent({"collectors": {
            "enable": ["systemd"], "systemd": {"timeout": "500ms", "enable_restarts_metrics": True}}})
        self.vitals.start(environment={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.directory}/bus"})

    def answer(self, call):
        answer = self.script.get(call.name)
        return answer(call) if callable(answer) else answer

    @staticmethod
    def hang_up(call):
        raise ConnectionError

    def scrape(self):
        """The status of the collector and its samples; the time it took is bounded."""
        begin = time.monotonic()
        _, series = parse(self.vitals.metrics("?collect[]=systemd"))
        self.assertLess(time.monotonic() - begin, 3)
        status = [dict(labels)["status"] for name, labels in series
                  if name == "vitals_collector_status" and dict(labels)["collector"] == "systemd"]
        return status[0], {
            (name.removeprefix("node_systemd_"), *[value for _, value in labels]): value
            for (name, labels), value in series.items() if name.startswith("node_systemd_")}

    def test_answers_are_served_and_the_type_is_asked_for_once(self):
        status, series = self.scrape()
        self.assertEqual(status, "ok")
        self.assertEqual(series["unit_state", "a.service", "active", "simple"], 1)
        self.assertEqual(series["unit_state", "d.target", "active", ""], 1)
        self.assertEqual(series["service_restart_total", "a.service"], 3)
        self.assertEqual(series["socket_refused_connections_total", "b.socket"], 2)
        self.assertEqual(series["timer_last_trigger_seconds", "c.timer"], 1.5)
        self.assertEqual(series["units", "active"], 4)
        self.assertEqual(series["virtualization_info", "none"], 1)
        for _ in range(3):
            self.assertEqual(self.scrape(), (status, series))
        self.assertEqual(self.bus.calls.count("Type"), 1)
        self.assertEqual(len(self.bus.connections), 1)
        self.script["UnitsLoadTimestamp"] = value("t", 6)
        self.script["Type"] = value("s", "notify")
        self.assertIn(("unit_state", "a.service", "active", "notify"), self.scrape()[1])

    def test_an_old_manager_and_a_unit_that_is_gone(self):
        for name in ["UnitsLoadTimestamp", "SystemState", "NRefused"]:
            self.script[name] = "org.freedesktop.DBus.Error.UnknownProperty"
        self.script["LastTriggerUSec"] = "org.freedesktop.DBus.Error.UnknownObject"
        status, series = self.scrape()
        self.assertEqual(status, "ok")
        names = {key[0] for key in series}
        self.assertFalse(names & {"system_running", "socket_refused_connections_total", "timer_last_trigger_seconds"})
        self.assertEqual(series["socket_accepted_connections_total", "b.socket"], 4)

    def test_what_hangs_half_way_costs_only_what_was_not_answered(self):
        self.assertEqual(self.scrape()[0], "ok")
        self.script["NConnections"] = None
        status, series = self.scrape()
        self.assertEqual(status, "failed")
        self.assertEqual(series["units", "active"], 4)
        self.assertEqual(series["unit_state", "a.service", "active", "simple"], 1)
        self.assertEqual(series["socket_accepted_connections_total", "b.socket"], 4)
        self.assertNotIn(("socket_current_connections", "b.socket"), series)
        self.script["NConnections"] = value("u", 8)
        status, series = self.scrape()
        self.assertEqual((status, series["socket_current_connections", "b.socket"]), ("ok", 8))
        self.assertEqual(len(self.bus.connections), 2)

    def test_what_the_bus_refuses_is_not_passed_over(self):
        for error in ["LimitsExceeded", "NoReply", "NoMemory"]:
            self.script["NRestarts"] = f"org.freedesktop.DBus.Error.{error}"
            self.assertEqual(self.scrape()[0], "failed", error)
        for error, expected in [("AccessDenied", "failed"), ("ServiceUnknown", "absent")]:
            self.script["ListUnits"] = f"org.freedesktop.DBus.Error.{error}"
            self.assertEqual(self.scrape(), (expected, {}))

    def test_answers_of_another_type_are_refused(self):
        for name, answer in [("ListUnits", value("s", "")), ("Version", value("u", 1)), ("NRestarts", value("s", "1")),
                             ("Type", units(UNITS)), ("NAccepted", ("", b""))]:
            kept, self.script[name] = self.script[name], answer
            self.script["UnitsLoadTimestamp"] = value("t", random.randrange(1 << 40))
            self.assertEqual(self.scrape()[0], "failed", name)
            self.script[name] = kept
        self.assertEqual(self.scrape()[0], "ok")

    def test_noise_and_hanging_up_do_no_harm(self):
        seed = random.randrange(1 << 32)
        noise = random.Random(seed)

        for round in range(40):
            name = noise.choice(list(self.script))
            kept = self.script[name]
            self.script[name] = self.hang_up if round % 4 == 0 else noise.randbytes(noise.randrange(1, 300))
            self.script["UnitsLoadTimestamp"] = value("t", round + 10)
            self.scrape()
            self.script[name] = kept
            self.assertEqual(self.scrape()[0], "ok", f"seed {seed}, round {round}")
        self.assertIsNone(self.vitals.process.poll())

    def test_mangled_answers_do_no_harm(self):
        seed = random.randrange(1 << 32)
        noise = random.Random(seed)
        signature, good = units(UNITS)
        for round in range(100):
            bad = bytearray(good)
            for _ in range(noise.randrange(1, 5)):
                at = noise.randrange(len(bad))
                odd = noise.choice([0, 1, 0xFF, 0xFFFF, 0xFFFFFFFF, noise.randrange(1 << 32)])
                bad[at:at + 4] = struct.pack("<I", odd)
            self.script["ListUnits"] = (signature, bytes(bad[:len(good)]))
            self.scrape()
        self.script["ListUnits"] = (signature, good)
        self.assertEqual(self.scrape()[0], "ok", f"seed {seed}")

    def test_five_thousand_units(self):
        self.script["ListUnits"] = units([(f"unit-{number}.service", "active") for number in range(5_000)])
        self.script["NRestarts"] = value("u", 1)
        # This bus is slow: what was not answered in the time is asked the next time, and in the end all is known.
        for _ in range(10):
            status, series = self.scrape()
            self.assertEqual(series["units", "active"], 5_000)
            if ("unit_state", "unit-4999.service", "active", "simple") in series:
                break
        self.assertIn(("unit_state", "unit-4999.service", "active", "simple"), series)

    def test_a_bus_that_comes_later(self):
        self.assertEqual(self.scrape()[0], "ok")
        self.bus.stop()
        (self.directory / "bus").unlink()
        # The connection outlives the listener, as with a bus that is stopped in good order.
        self.script["ListUnits"] = self.hang_up
        self.scrape()
        self.assertEqual(self.scrape(), ("absent", {}))
        self.script["ListUnits"] = units(UNITS)
        self.bus = FakeBus(self.directory / "bus", self.answer)
        self.addCleanup(self.bus.stop)
        self.assertEqual(self.scrape()[0], "ok")
