"""CloudWatch Logs from hosts that are not as they should be: behind a captive portal, with a clock that is off, and with an
instance's metadata that answers late or not at all."""

import json
import os
import threading
import time
from collections import Counter

from cloudwatch_stand_in import PORTALS, Group
from support import eventually, start_writer
from test_cloudwatch import CloudWatch
from test_emf_cloudwatch import Instance

HOUR = 3600


class Portal(CloudWatch):
    def test_who_answers_in_the_services_place_acknowledges_nothing(self):
        """Whatever it answers."""
        cloud = self.cloud()
        cloud.groups["/test/app"] = Group({})
        cloud.groups["/test/app"].streams["app.log"] = []
        faults = sorted(PORTALS)
        # Between them something is taken: the agent waits longer and longer when nothing is.
        cloud.fail("PutLogEvents", *(each for fault in faults for each in (fault, None)))
        lines = 500
        agent = self.start(cloud, batch_records=10, in_flight=1)
        self.write(f"line {number}" for number in range(lines))
        self.wait_for(cloud, lines, agent, within=90)
        self.assertEqual(Counter(cloud.messages()), Counter(f"line {number}" for number in range(lines)))
        self.assertEqual(agent.stop(), 0)
        made = Counter(request["fault"] for request in cloud.requests if request["fault"])
        self.assertTrue(all(made[fault] >= 1 for fault in faults), made)
        said = agent.log()
        self.assertIn("this is not an answer of AWS (no x-amzn-RequestId)", said)
        self.assertIn("portal/1", said)
        self.assertIn("Please log in", said)
        self.assertIn("portal.example.test", said)

    def test_nor_does_it_make_a_group_or_a_stream(self):
        cloud = self.cloud()
        for operation in ("CreateLogStream", "CreateLogGroup"):
            cloud.fail(operation, "portal_html", "portal_empty")
        agent = self.start(cloud)
        self.write(["one"])
        self.wait_for(cloud, 1, agent)
        self.assertIn("CreateLogGroup /test/app: HTTP 200: this is not an answer of AWS", agent.log())
        self.assertEqual(agent.stop(), 0)

    def test_a_portal_in_front_of_the_retention_is_said(self):
        cloud = self.cloud()
        cloud.fail("PutRetentionPolicy", "portal_html")
        agent = self.start(cloud, retention_days=30)
        self.write(["one"])
        self.wait_for(cloud, 1, agent)
        eventually(lambda: "retention cannot be set" in agent.log(), 20, agent.log)
        self.assertEqual(agent.stop(), 0)

    def test_the_stand_ins_portals_are_none_to_the_service_that_is_one(self):
        cloud = self.cloud()
        agent = self.start(cloud, retention_days=30)
        self.write(["one"])
        self.wait_for(cloud, 1, agent)
        eventually(lambda: cloud.groups["/test/app"].retention == 30, 20, agent.log)
        self.assertNotIn("not an answer of AWS", agent.log())
        self.assertEqual(agent.stop(), 0)


class Clock(CloudWatch):
    COUNT = 'vitals_input_events_total{{input="{}",output="aws",reason="time_corrected"}}'

    def test_times_that_the_agent_makes_are_corrected_and_others_stay(self):
        for hours in (-3, 3, 24 * 30):
            with self.subTest(hours=hours):
                cloud = self.cloud()
                cloud.clock_offset = hours * HOUR
                name = f"app{hours}.log"
                inputs = {
                    "app": {"type": "file", "paths": [str(self.directory / name)], "parse": "json"},
                    "host": {"type": "host_metrics", "interval": "1s", "metrics": ["mem_used_percent"]}}
                settings = self.settings(cloud.url)
                settings["inputs"] = inputs
                settings["routes"] = [{"from": each, "to": "aws"} for each in inputs]
                environment = {each: "" for each in os.environ if each.startswith("AWS_")}
                agent = self.agent(settings).start(
                    environment={**environment, "AWS_EC2_METADATA_DISABLED": "true"})
                said = int(cloud.now - 60)
                stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(said))
                self.write(["plain", json.dumps({"time": stamp, "message": "own"}), "plain too"], name=name)

                def stored():
                    return [(at, message) for group in list(cloud.groups) for stream in list(cloud.groups[group].streams)
                            for at, message in cloud.events(group, stream)]

                eventually(lambda: sum("plain" in message for _, message in stored()) == 2
                           and any("own" in message for _, message in stored())
                           and sum("_aws" in message for _, message in stored()) >= 3, 60, agent.log)
                for at, message in stored():
                    if "own" in message:
                        self.assertEqual(at, said * 1000)
                    else:
                        self.assertLess(abs(at / 1000 - cloud.now), 60, message)
                    if "_aws" in message:
                        self.assertEqual(json.loads(message)["_aws"]["Timestamp"], at)
                eventually(lambda: agent.metric(self.COUNT.format("app")) == 2, 20, agent.metrics)
                self.assertGreaterEqual(agent.metric(self.COUNT.format("host")), 3)
                self.assertEqual(cloud.rejected, {"too_old": 0, "expired": 0, "too_new": 0})
                self.assertIn("the clock of this host is off", agent.log())
                self.assertEqual(agent.stop(), 0)

    def test_a_clock_that_is_nearly_right_is_left_alone(self):
        cloud = self.cloud()
        cloud.clock_offset = 200
        agent = self.start(cloud)
        self.write(["one"])
        self.wait_for(cloud, 1, agent)
        self.assertLess(abs(cloud.events("/test/app", "app.log")[0][0] / 1000 - time.time()), 60)
        self.assertEqual(agent.metric(self.COUNT.format("app")), 0)
        self.assertEqual(agent.stop(), 0)


class Metadata(CloudWatch):
    def instance(self, **more):
        instance = Instance({
            "instanceId": "i-0123456789abcdef0", "instanceType": "m7g.large", "region": "eu-west-1",
            "accountId": "123456789012", "imageId": "ami-1", "availabilityZone": "eu-west-1a", **more})
        self.addCleanup(instance.close)
        return instance

    def start(self, cloud, instance, **output):
        environment = {name: "" for name in os.environ if name.startswith("AWS_")}
        return self.agent(self.settings(cloud.url, **output)).start(
            environment={**environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url})

    def test_the_first_batch_waits_for_it(self):
        cloud, instance = self.cloud(), self.instance()
        self.assertEqual(start_writer(self, self.directory / "app.log", 20_000).wait(), 0)

        def answer_later():
            eventually(lambda: instance.asked, 30, "it is asked")
            time.sleep(0.5)  # Long after the first batch is read, and long before two seconds.
            instance.answers.set()

        threading.Thread(target=answer_later, daemon=True).start()
        agent = self.start(cloud, instance, log_group="/{account_id}/app", log_stream="{availability_zone}")
        self.wait_for(cloud, 20_000, agent)
        self.assertEqual({name: set(group.streams) for name, group in cloud.groups.items()},
                         {"/123456789012/app": {"eu-west-1a"}})
        self.assertEqual(agent.stop(), 0)

    def test_what_was_refused_under_another_name_is_addressed_again(self):
        """The policy allows one group. What is read before the account is known would be refused for ever."""
        cloud, instance = self.cloud(), self.instance()
        cloud.denied = {"/unknown/app"}
        self.assertEqual(start_writer(self, self.directory / "app.log", 50_000).wait(), 0)
        agent = self.start(cloud, instance, log_group="/{account_id}/app", batch_bytes="64KiB", in_flight=4)
        eventually(lambda: "AccessDeniedException" in agent.log(), 30, agent.log)
        instance.answers.set()
        self.wait_for(cloud, 50_000, agent, within=120)
        self.assertEqual(set(cloud.groups), {"/123456789012/app"})
        self.assertEqual(len(cloud.messages()), 50_000)
        self.assertEqual(agent.stop(), 0)

    def test_nobody_waits_for_what_never_comes(self):
        cloud, instance = self.cloud(), self.instance()
        agent = self.start(cloud, instance, log_group="/{account_id:-none}/app")
        self.write(["one"])
        self.wait_for(cloud, 1, agent, within=30)
        self.assertEqual(set(cloud.groups), {"/none/app"})
        self.assertEqual(agent.stop(), 0)
