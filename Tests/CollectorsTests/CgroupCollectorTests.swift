// Control groups: on a fixture host as golden text, what is left out, what comes and goes, and what is odd.

import Foundation
import Metrics
import Procfs
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct CgroupCollectorTests {
    private func served(_ collector: inout any Collector) -> (served: [String], error: CollectError?) {
        var snapshot = Snapshot()
        var problem: CollectError?
        do throws(CollectError) { try collector.collect(into: &snapshot) } catch { problem = error }
        let served = snapshot.samples.map { sample in
            let name = snapshot.families[sample.family].name.dropFirst("vitals_cgroup_".count)
            return "\(name){\(snapshot.labels(of: sample).joined(separator: ","))} \(sample.value)"
        }
        return (served, problem)
    }

    private func served(_ options: String, on host: Host) throws -> (served: [String], error: CollectError?) {
        var collector = try KernelCollectorsTests.collector("cgroup", options, on: host)
        return served(&collector)
    }

    private static let fixture = "\(Repository.fixtures)/hosts/composed-cgroups"

    @Test func serves() throws {
        var collector = try KernelCollectorsTests.collector(
            "cgroup", #"{ "depth": 4 }"#, on: KernelCollectorsTests.host("composed-cgroups"))
        try Golden.expect(
            "composed-cgroups/cgroup", try KernelCollectorsTests.exposition(of: &collector, without: Self.fixture))
    }

    /// The groups of which there is a sample, in the order in which they are served.
    private func groups(_ options: String, on host: Host) throws -> (groups: [String], leftOut: Double?) {
        let (served, error) = try served(options, on: host)
        #expect(error == nil)
        let groups = served.compactMap { line in
            line.hasPrefix("pids{") ? String(line.dropFirst(5).prefix { $0 != "}" }) : nil
        }
        let leftOut = served.first { $0.hasPrefix("left_out{}") }.flatMap { Double($0.dropFirst(11)) }
        return (groups, leftOut)
    }

    @Test func depthPatternsAndLimit() throws {
        let host = KernelCollectorsTests.host("composed-cgroups")
        #expect(
            try groups(#"{ "depth": 1 }"#, on: host)
                == (["/init.scope", "/kubepods.slice", "/system.slice", "/user.slice"], 0))
        // Those near to the root come first, so that a limit takes what is most general.
        let limited = try groups(#"{ "depth": 3, "limit": 5 }"#, on: host)
        #expect(limited.groups.prefix(4) == ["/init.scope", "/kubepods.slice", "/system.slice", "/user.slice"])
        #expect(limited.groups.count == 5 && limited.leftOut == 8)
        // A group that no pattern takes may have some that one does.
        #expect(
            try groups(#"{ "depth": 4, "include": "\\.service$", "exclude": "getty|postgres" }"#, on: host)
                == (["/system.slice/ssh.service"], 0))
    }

    @Test func subjectsAreReadAlone() throws {
        let host = KernelCollectorsTests.host("composed-cgroups")
        let (served, _) = try served(#"{ "subjects": ["pressure"], "include": "^/init.scope$" }"#, on: host)
        #expect(
            served == [
                "pressure_waiting_seconds_total{/init.scope,cpu} 0.012051",
                "pressure_stalled_seconds_total{/init.scope,cpu} 0.003",
                "pressure_waiting_seconds_total{/init.scope,io} 0.09021",
                "pressure_stalled_seconds_total{/init.scope,io} 0.070555",
                "pressure_waiting_seconds_total{/init.scope,memory} 0.000501",
                "pressure_stalled_seconds_total{/init.scope,memory} 7.7e-05", "info{/init.scope,,,,init.scope} 1.0",
                "left_out{} 0.0", "devices_left_out{} 0.0",
            ])
    }

    @Test(arguments: [
        (#"{ "depth": 0 }"#, "expected a whole number from 1 to 16"),
        (#"{ "subjects": ["cpu", "disk"] }"#, "expected one of cpu, io, memory, pids, pressure"),
        (#"{ "include": "(" }"#, "pattern"), (#"{ "limits": 3 }"#, "did you mean"),
    ]) func badOptions(options: String, expected: String) throws {
        #expect {
            try KernelCollectorsTests.collector("cgroup", options, on: Host())
        } throws: { "\($0)".contains(expected) }
    }

    @Test func version2MayBeBelowVersion1() throws {
        let host = try TemporaryHost([
            "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "5\n",
            "sys/fs/cgroup/unified/cgroup.controllers": "\n",
            "sys/fs/cgroup/unified/a.slice/cpu.stat": "usage_usec 1500000\n",
        ])
        #expect(
            try served("{}", on: host.host).served == [
                "cpu_usage_seconds_total{/a.slice} 1.5", "info{/a.slice,,,,a.slice} 1.0", "left_out{} 0.0",
                "devices_left_out{} 0.0",
            ])
        let old = try TemporaryHost(["sys/fs/cgroup/memory/a/memory.usage_in_bytes": "5\n"])
        let (samples, error) = try served("{}", on: old.host)
        #expect(samples.isEmpty)
        #expect(error == .absent("this host has no control groups of version 2 at \(old.root)/sys/fs/cgroup"))
    }

    @Test func groupsComeAndGo() throws {
        let host = try TemporaryHost([
            "sys/fs/cgroup/cgroup.controllers": "pids\n", "sys/fs/cgroup/b/pids.current": "2\n",
        ])
        var collector = try KernelCollectorsTests.collector("cgroup", #"{ "subjects": ["pids"] }"#, on: host.host)
        let end = ["left_out{} 0.0", "devices_left_out{} 0.0"]
        #expect(served(&collector).served == ["pids{/b} 2.0"] + end)
        try host.write("sys/fs/cgroup/a/pids.current", "1\n")
        try host.write("sys/fs/cgroup/b/c/pids.current", "3\n")
        #expect(served(&collector).served == ["pids{/a} 1.0", "pids{/b} 2.0", "pids{/b/c} 3.0"] + end)
        try FileManager.default.removeItem(atPath: "\(host.root)/sys/fs/cgroup/b")
        #expect(served(&collector).served == ["pids{/a} 1.0"] + end)
    }

    @Test func aBadFileLosesOnlyItself() throws {
        let host = try TemporaryHost([
            "sys/fs/cgroup/cgroup.controllers": "\n", "sys/fs/cgroup/a/pids.current": "many\n",
            "sys/fs/cgroup/a/pids.max": "9\n", "sys/fs/cgroup/b/memory.events": "oom\n",
            "sys/fs/cgroup/b/memory.current": "7\n",
        ])
        var reading: (served: [String], error: CollectError?) = ([], nil)
        let odd = try leftOut(below: host.root) { reading = try served("{}", on: host.host) }
        #expect(
            reading.served == [
                "pids_limit{/a} 9.0", "memory_usage_bytes{/b} 7.0", "left_out{} 0.0", "devices_left_out{} 0.0",
            ])
        #expect(reading.error == nil)
        #expect(
            odd == [
                "sys/fs/cgroup/a/pids.current: line 1: expected a number or max",
                "sys/fs/cgroup/b/memory.events: line 1: expected <name> <number>",
            ])
    }

    @Test func devicesHaveALimit() throws {
        let devices = (0..<40).map { "8:\($0 * 16) rbytes=1 wbytes=0 rios=1 wios=0\n" }.joined()
        let host = try TemporaryHost([
            "sys/fs/cgroup/cgroup.controllers": "io\n", "sys/fs/cgroup/a/io.stat": devices,
        ])
        let (samples, error) = try served(#"{ "subjects": ["io"] }"#, on: host.host)
        #expect(error == nil && samples.count == 32 * 4 + 2 && samples.contains("devices_left_out{} 8.0"))
    }

    private static let digits = String(repeating: "0123456789abcdef", count: 4)

    @Test func identities() {
        func identity(
            container: String = "", pod: String = "", runtime: String = "", unit: String = ""
        ) -> CgroupIdentity {
            var identity = CgroupIdentity()
            (identity.container, identity.pod, identity.runtime, identity.unit) = (container, pod, runtime, unit)
            return identity
        }
        let digits = Self.digits
        #expect(CgroupIdentity(path: "") == identity() && CgroupIdentity(path: "/vitals-test").isEmpty)
        #expect(CgroupIdentity(path: "/a.slice/ssh.service") == identity(unit: "ssh.service"))
        for (start, runtime) in [
            ("docker", "docker"), ("cri-containerd", "containerd"), ("crio", "cri-o"), ("libpod", "podman"),
        ] {
            let unit = "\(start)-\(digits).scope"
            #expect(
                CgroupIdentity(path: "/machine.slice/\(unit)")
                    == identity(container: digits, runtime: runtime, unit: unit))
        }
        #expect(CgroupIdentity(path: "/docker/\(digits)") == identity(container: digits, runtime: "docker"))
        let pod = "0123abcd-aaaa-bbbb-cccc-0123456789ab"
        #expect(
            CgroupIdentity(path: "/kubepods/burstable/pod\(pod)/\(digits)") == identity(container: digits, pod: pod))
        let scope = "crio-\(digits).scope"
        let uid = pod.replacingOccurrences(of: "-", with: "_")
        for slice in ["kubepods-besteffort-pod\(uid).slice", "kubepods-pod\(uid).slice"] {
            #expect(
                CgroupIdentity(path: "/kubepods.slice/\(slice)/\(scope)")
                    == identity(container: digits, pod: pod, runtime: "cri-o", unit: scope))
        }
        // What watches a container is none, and neither is what only looks like one.
        for name in ["libpod-conmon-\(digits).scope", "docker-0123.scope", "docker-\(digits)0.scope"] {
            #expect(CgroupIdentity(path: "/\(name)") == identity(unit: name))
        }
        #expect(CgroupIdentity(path: "/podium/podcast.service") == identity(unit: "podcast.service"))
    }
}
