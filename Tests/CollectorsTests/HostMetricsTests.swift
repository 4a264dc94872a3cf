// From a host's files and the settings to documents: what is chosen, named, aggregated, and what two readings give.

import Bytes
import Foundation
import Metrics
import Platform
import Settings
import Synchronization
import TestSupport
import Testing

import struct Procfs.Host
import enum Procfs.KernelUnits

@testable import Collectors

@Suite struct HostMetricsTests {
    private static let second: UInt64 = 1_000_000_000
    private static let unix: Int64 = 1_795_230_523_015_000_000

    private func plan(
        _ settings: String, _ host: Host, isHighResolution: Bool = false,
        values: HostValues = HostValues(hostName: "web-1", inputName: "host")
    ) throws -> HostMetricsPlan {
        var section = try section(settings, path: "inputs.host")
        let plan = try HostMetricsPlan(
            &section, host: host, values: values, isHighResolution: isHighResolution)
        try section.finish()
        return plan
    }

    private func documents(
        _ metrics: HostMetrics, at seconds: UInt64, problems expected: [String] = []
    ) throws -> [JSONValue] {
        let problems = metrics.sample(at: Instant(nanoseconds: seconds * Self.second))
        #expect(problems == expected)
        return try written(metrics)
    }

    private func written(_ metrics: HostMetrics) throws -> [JSONValue] {
        try metrics.documents(unixNanoseconds: Self.unix).map { bytes in
            #expect(emfFault(in: bytes, at: Self.unix / 1_000_000) == nil, "\(String(decoding: bytes, as: UTF8.self))")
            return try parseJSON(bytes)
        }
    }

    private let meminfo = "MemTotal: 1000 kB\nMemFree: 200 kB\nBuffers: 50 kB\nCached: 300 kB\n"

    // MARK: Choice

    @Test(arguments: [
        (#"["cpu_usage_*"]"#, "cpu_usage_idle", true), (#"["cpu_usage_*"]"#, "cpu_time_idle", false),
        (#"["*"]"#, "mem_used", true), (#"["*_percent"]"#, "mem_used_percent", true),
        (#"["net_?rr_in"]"#, "net_err_in", true), (#"["mem_used"]"#, "mem_used_percent", false),
        (#"["net_{err,drop}_in"]"#, "net_drop_in", true), (#"[{"name":"mem_*"}]"#, "mem_used", true),
    ]) func patternsChoose(metrics: String, name: String, isChosen: Bool) throws {
        #expect(try plan(#"{ "metrics": \#(metrics) }"#, Host()).selection.takes(name) == isChosen)
    }

    @Test func renamesAndUnits() throws {
        let selection = try plan(
            #"""
            { "metrics": ["mem_*", {"name": "mem_used", "rename": "MemoryInUse"},
                          {"name": "*_total", "unit": "Kilobytes"}],
              "aggregate": [[]], "drop_original": ["mem_f*"] }
            """#, Host(), isHighResolution: true
        ).selection
        let used = try #require(selection.metric("mem_used", .bytes))
        #expect(used.name == "MemoryInUse" && used.unit == .bytes && !used.isOnlyAggregated)
        #expect(selection.metric("mem_total", .bytes)?.unit == .kilobytes)
        #expect(selection.metric("mem_free", .bytes)?.isOnlyAggregated == true)
        #expect(selection.metric("net_err_in", .count) == nil)
    }

    /// Nobody waits for the instance to say what it is; when it has, the next documents have it.
    @Test func dimensionsAreTemplates() throws {
        let known = Mutex<[String: String]>([:])
        let values = HostValues(hostName: "web-1", inputName: "host") { name in known.withLock { $0[name] } }
        let host = try TemporaryHost(["proc/meminfo": meminfo])
        let metrics = try HostMetrics(
            try plan(
                #"""
                { "metrics": ["mem_used"], "dimensions": { "host": "{hostname}/{input}", "id": "{instance_id}",
                  "type": "{instance_type:-none}", "region": "in {region}", "braces": "{{x}}" } }
                """#, host.host, values: values))
        func dimensions(at seconds: UInt64) throws -> [String?] {
            let document = try #require(try documents(metrics, at: seconds).first)
            return ["host", "id", "type", "region", "braces"].map { document[$0]?.string }
        }
        #expect(try dimensions(at: 1) == ["web-1/host", "web-1", "none", "in unknown", "{x}"])
        known.withLock { $0 = ["instance_id": "i-1", "instance_type": "m7g.large", "region": "eu-west-1"] }
        #expect(try dimensions(at: 2) == ["web-1/host", "i-1", "m7g.large", "in eu-west-1", "{x}"])
    }

    @Test func aTemplateThatIsNoneIsSaidWhereItStands() throws {
        #expect {
            try plan("{\n  \"dimensions\": { \"id\": \"{instanceid}\" } }", Host())
        } throws: {
            "\($0)".hasPrefix("agent.json:2:")
                && "\($0)".hasSuffix("unknown variable {instanceid}, did you mean {instance_id}?")
        }
    }

    @Test(arguments: [
        (#"{ "metrics": ["cpu_usge_idle"] }"#, "did you mean \"cpu_usage_idle\""), (#"{ "metrics": [] }"#, "not empty"),
        (#"{ "metrics": ["["] }"#, "no ']'"), (#"{ "metrics": [1] }"#, "object"), (#"{ "metrics": "*" }"#, "list"),
        (#"{ "metrics": [{"name": "mem_*", "rename": "x"}] }"#, "several metrics"),
        (#"{ "metrics": [{"name": "mem_used", "rename": "ü"}] }"#, "ASCII"),
        (#"{ "metrics": [{"name": "mem_used", "unit": "Byte"}] }"#, "one of"),
        (#"{ "metrics": [{"name": "mem_used", "rename": "cpu"}] }"#, "the name cpu is taken"),
        (#"{ "metrics": ["mem_used", {"name": "mem_free", "rename": "mem_used"}] }"#, "mem_used is taken"),
        (#"{ "metrics": [{"rename": "x"}] }"#, "did you mean \"name\""),
        (#"{ "metrics": ["procstat_*"] }"#, "\"procstat\""),
        (#"{ "namespace": "AWS/EC2" }"#, "namespace"), (#"{ "namespace": "" }"#, "1 to 255"),
        (#"{ "dimensions": { "cpu": "x" } }"#, "taken"), (#"{ "dimensions": { "mem_used": "x" } }"#, "taken"),
        (#"{ "dimensions": { "a": "{hostnam}" } }"#, "did you mean {hostname}?"),
        (#"{ "dimensions": { "a": "{date}" } }"#, "unknown variable {date}"),
        (#"{ "dimensions": { "a": "{region:x}" } }"#, "takes no format"),
        (#"{ "dimensions": { "a": "{region" } }"#, "has no \"}\""),
        (#"{ "dimensions": { "a": " " } }"#, "expected text"),
        (#"{ "dimensions": { ":a": "x" } }"#, "ASCII"), (#"{ "vocabulary": "other" }"#, "one of"),
        (#"{ "aggregate": ["host"] }"#, "list of lists"), (#"{ "aggregate": [["hots"]] }"#, "did you mean \"host\""),
        (#"{ "drop_original": ["mem_*"] }"#, "aggregate"),
        (#"{ "aggregate": [[]], "metrics": ["mem_*"], "drop_original": ["cpu_*"] }"#, "none of the chosen"),
        (#"{ "procstat": [{}] }"#, "one of"), (#"{ "procstat": [{"exe": "a", "unit": "b"}] }"#, "one of"),
        (#"{ "procstat": [{"exe": "("}] }"#, "offset"), (#"{ "procstat": [{"exe": "ü"}] }"#, "dimension"),
        (#"{ "procstat": [{"pid_file": "app.pid"}] }"#, "absolute path"),
        (#"{ "disk": { "includes": [] } }"#, "did you mean"), (#"{ "collectors": ["cpu"] }"#, "unknown key"),
        (#"{ "vocabulary": "node", "collectors": ["cpus"] }"#, "did you mean \"cpu\""),
        (#"{ "vocabulary": "node", "collectors": {"cpu": {"infos": true}} }"#, "did you mean"),
        (#"{ "vocabulary": "node", "collectors": [] }"#, "at least one"),
        (#"{ "vocabulary": "node", "counters": "rate" }"#, "one of"),
        (#"{ "vocabulary": "node", "net": {} }"#, "unknown key"),
    ]) func mistakesAreNamed(settings: String, reason: String) throws {
        do {
            _ = try plan(settings, Host())
            Issue.record("no error for \(settings)")
        } catch let error as SettingsError {
            #expect("\(error)".contains(reason), "\(error)")
        }
    }

    @Test func readsOnlyWhatIsWanted() throws {
        let host = Host(proc: "/nonexistent")
        let metrics = try HostMetrics(try plan(#"{ "metrics": ["mem_*"] }"#, host))
        #expect(metrics.sample(at: Instant(nanoseconds: 0)) == ["this kernel has no /nonexistent/meminfo"])
        #expect(metrics.documents(unixNanoseconds: 0).isEmpty)
    }

    /// What looks the same once it is repaired, or written in ASCII as CloudWatch has it: the first is sent, and the
    /// values of another are not mixed into its.
    @Test(arguments: [#""metrics": ["net_bytes_recv"]"#, #""vocabulary": "node", "collectors": ["netdev"]"#])
    func whatCloudWatchCannotTellApartIsSentOnce(settings: String) throws {
        let host = try TemporaryHost(["proc/net/dev": ""])
        let names: [[UInt8]] = [
            [0x63, 0xE9], Array("eth0".utf8), [0x63, 0xE8], Array("\u{E9}".utf8), Array("\u{E8}".utf8),
        ]
        /// Each receives another number of bytes.
        func write(_ received: [Int]) throws {
            var text = Array("a|b|c\na|b|c\n".utf8)
            for (name, count) in zip(names, received) {
                text += name + Array(": \(count) 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n".utf8)
            }
            try Data(text).write(to: URL(fileURLWithPath: "\(host.root)/proc/net/dev"))
        }
        let metrics = try HostMetrics(try plan("{ \(settings), \"dimensions\": {} }", host.host))
        try write([100, 200, 300, 400, 500])
        _ = try documents(metrics, at: 1)
        try write([101, 202, 1_300, 404, 1_500])
        let found = try documents(metrics, at: 61)
        var received: [String: Double] = [:]
        for document in found {
            let value = document["net_bytes_recv"] ?? document["node_network_receive_bytes_total"]
            guard let value = value?.double else { continue }
            let name = try #require((document["interface"] ?? document["device"])?.string)
            #expect(received.updateValue(value, forKey: name) == nil)
        }
        #expect(received == ["c?": 1, "eth0": 2, "?": 4])
        let label = settings.contains("node") ? "device" : "interface"
        #expect(Set(metrics.skipped.files.map(\.path)) == ["\(label)=c?", "\(label)=?"])
        #expect(metrics.skipped.count == 2)
    }

    @Test func choosesDevicesAndInterfaces() throws {
        let host = try TemporaryHost([
            "proc/diskstats": ["loop0", "vda", "vda1", "sdb"].map { "8 0 \($0) 1 2 3 4 5 6 7 8 9 10 11\n" }.joined(),
            "proc/net/dev": "a|b|c\na|b|c\n"
                + ["lo", "eth0", "veth1"].map { "\($0): 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n" }.joined(),
        ])
        func found(_ settings: String) throws -> Set<String> {
            let metrics = try HostMetrics(
                try plan("{ \"metrics\": [\"diskio_io*\", \"net_*\"], \"dimensions\": {}\(settings) }", host.host))
            _ = try documents(metrics, at: 1)
            return Set(try documents(metrics, at: 2).compactMap { $0["name"]?.string ?? $0["interface"]?.string })
        }
        #expect(try found("") == ["vda", "vda1", "sdb", "eth0", "veth1"])
        #expect(try found(#", "net": {"include": ["*"]}, "diskio": {"include": ["*"]}"#) == found(""))
        #expect(try found(#", "net": {"include": ["lo"]}, "diskio": {"ignore": ["vda*"]}"#) == ["lo", "loop0", "sdb"])
        #expect(
            try found(#", "net": {"ignore": ["veth*"]}, "diskio": {"include": ["*a*", "loop*"], "ignore": ["vda"]}"#)
                == ["eth0", "vda1", "loop0"])
    }

    // MARK: Two readings

    @Test func readsAFixtureTwice() throws {
        let host = Host(
            proc: "\(Repository.fixtures)/hosts/debian12-6.18-vm/proc",
            sys: "\(Repository.fixtures)/hosts/debian12-6.18-vm/sys")
        let metrics = try HostMetrics(
            try plan(#"{ "metrics": ["cpu_*", "mem_*", "net_*", "netstat_udp_socket", "swap_*", "diskio_*"] }"#, host))
        let first = try documents(metrics, at: 1)
        #expect(first.contains { $0["mem_used_percent"] != nil } && first.contains { $0["cpu_time_idle"] != nil })
        #expect(
            !first.contains { $0["cpu_usage_idle"] != nil || $0["net_bytes_recv"] != nil || $0["diskio_reads"] != nil })
        let second = try documents(metrics, at: 61)
        let eth0 = try #require(second.first { $0["interface"]?.string == "eth0" })
        #expect(eth0["net_bytes_recv"]?.double == 0 && eth0["host"]?.string == "web-1")
        // What has the same dimensions is one document.
        let host0 = second.filter { $0["mem_total"] != nil }
        #expect(host0.count == 1 && host0[0]["swap_free"] != nil && host0[0]["netstat_udp_socket"] != nil)
        #expect(second.contains { $0["name"]?.string == "vda" && $0["diskio_reads"]?.double == 0 })
    }

    @Test func subSamplesAreValuesOfOneDocument() throws {
        let host = try TemporaryHost(["proc/meminfo": meminfo])
        let metrics = try HostMetrics(try plan(#"{ "metrics": ["mem_free", "mem_total"] }"#, host.host))
        for (second, free) in [(1, 200), (2, 300), (3, 250)] as [(UInt64, Int)] {
            try host.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: \(free) kB\n")
            #expect(metrics.sample(at: Instant(nanoseconds: second * Self.second)).isEmpty)
        }
        let documents = try written(metrics)
        #expect(documents.count == 1)
        #expect(documents[0]["mem_free"]?.array?.compactMap(\.double) == [200, 300, 250].map { $0 * 1024 })
        #expect(try written(metrics).isEmpty)
    }

    @Test func aggregatesAndDropsOriginals() throws {
        let host = try TemporaryHost(["proc/stat": "cpu  1 2 3 4\ncpu0 1 2 3 4\n"])
        let metrics = try HostMetrics(
            try plan(
                #"{ "metrics": ["cpu_time_idle", "cpu_time_user"], "aggregate": [["host"], []], "#
                    + #""drop_original": ["*_idle"] }"#,
                host.host))
        let sets = try documents(metrics, at: 1).map { document in
            (document["_aws"]?["CloudWatchMetrics"]?.array ?? []).map { directive in
                (directive["Dimensions"]?.array ?? []).map {
                    ($0.array ?? []).compactMap(\.string).joined(separator: "+")
                }
            }
        }
        #expect(sets == [[["host+cpu", "host", ""], ["host", ""]], [["host+cpu", "host", ""], ["host", ""]]])
    }

    // MARK: Processes

    private func process(_ number: Int, _ command: String, state: String = "S", ticks: Int, threads: Int = 1) -> String
    {
        "\(number) (\(command)) \(state) 1 \(number) 0 0 -1 4194560 0 0 0 0 \(ticks) 10 0 0 20 -5 \(threads) 0 50 "
            + "60000000 1200 18446744073709551615 0 0 0 0 0 0 0 4096 0 0 0 0 17 1 3 1 70 8 0 0 0 0 0 0 0 0 0\n"
    }

    private func hostWithProcesses() throws -> TemporaryHost {
        let limits = """
            Limit                     Soft Limit           Hard Limit           Units
            Max cpu time              unlimited            100                  seconds
            Max open files            1024                 524288               files
            Max nice priority         0                    31

            """
        var files: [String: String] = ["run/app.pid": "20 \n", "run/broken.pid": "nobody\n"]
        for (number, command, line) in [
            (1, "systemd", "/sbin/init"), (20, "nginx", "nginx: master"), (21, "nginx", "nginx: worker"),
            (30, "a-long-name-tha", "/opt/a-long-name-that-goes-on --flag"), (40, "kworker/0:1", ""),
        ] {
            let path = "proc/\(number)"
            files["\(path)/stat"] = process(number, command, state: number == 40 ? "I" : "S", ticks: 100, threads: 2)
            files["\(path)/cmdline"] = line.replacingOccurrences(of: " ", with: "\0") + "\0"
            files["\(path)/cgroup"] = "0::/system.slice/\(command).service\n"
            files["\(path)/status"] =
                "Name:\t\(command)\nVmSize: 20 kB\nVmLck: 1 kB\nVmRSS: 10 kB\nVmData: 5 kB\nVmStk: 4 kB\n"
                + "VmSwap: 3 kB\nShdPnd: 0000000000004001\nvoluntary_ctxt_switches: 7\nnonvoluntary_ctxt_switches: 8\n"
            files["\(path)/limits"] = limits
            files["\(path)/io"] =
                "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 0\n"
            files["\(path)/fd/0"] = ""
            files["\(path)/fd/1"] = ""
        }
        return try TemporaryHost(files)
    }

    private func plan(_ procstat: String, of host: TemporaryHost) throws -> HostMetricsPlan {
        var withRoot = host.host
        withRoot.root = host.root
        return try plan(
            "{ \"metrics\": [\"proc*\"], \"dimensions\": {}, \"procstat\": \(procstat) }", withRoot)
    }

    @Test func processesAreFoundAndMeasured() throws {
        let host = try hostWithProcesses()
        let metrics = try HostMetrics(
            try plan(
                #"[{"exe": "^nginx$"}, {"pattern": "--flag"}, {"pid_file": "/run/app.pid"}, {"unit": "nginx"}, "#
                    + #"{"exe": "none"}]"#,
                of: host))
        let first = try documents(metrics, at: 10)
        let all = try #require(first.first { $0["processes_total"] != nil })
        #expect(all["processes_total"]?.double == 5 && all["processes_sleeping"]?.double == 4)
        #expect(all["processes_idle"]?.double == 1 && all["processes_total_threads"]?.double == 10)
        func found(_ name: String, _ value: String) -> JSONValue? {
            first.first { $0[name]?.string == value && $0["process_name"] != nil }
        }
        #expect(found("exe", "^nginx$")?["procstat_pid"]?.array?.compactMap(\.double) == [20, 21])
        #expect(found("systemd_unit", "nginx")?["procstat_pid"]?.array?.compactMap(\.double) == [20, 21])
        #expect(found("pidfile", "/run/app.pid")?["procstat_pid"]?.double == 20)
        let one = try #require(found("pattern", "--flag"))
        #expect(one["process_name"]?.string == "a-long-name-that-goes-on")
        let ticks = Double(KernelUnits.ticksPerSecond)
        let expected: [String: Double] = [
            "cpu_time": 110 / ticks, "cpu_time_user": 100 / ticks, "cpu_time_system": 10 / ticks,
            "cpu_time_iowait": 70 / ticks, "cpu_time_guest": 8 / ticks, "cpu_time_steal": 0, "num_threads": 2,
            "nice_priority": 25, "realtime_priority": 3, "memory_vms": 20_480, "memory_locked": 1_024,
            "memory_rss": 10_240, "memory_data": 5_120, "memory_stack": 4_096, "memory_swap": 3_072,
            "signals_pending": 2, "voluntary_context_switches": 7, "involuntary_context_switches": 8, "read_count": 3,
            "write_count": 4, "read_bytes": 5, "write_bytes": 6, "num_fds": 2, "rlimit_cpu_time_soft": 0x1p64,
            "rlimit_cpu_time_hard": 100, "rlimit_num_fds_soft": 1_024, "rlimit_num_fds_hard": 524_288,
            "rlimit_nice_priority_hard": 31,
        ]
        for (name, value) in expected { #expect(one["procstat_\(name)"]?.double == value, "\(name)") }
        #expect(one["procstat_cpu_usage"] == nil, "of one reading")
        #expect(one["procstat_rlimit_memory_rss_soft"] == nil, "this kernel does not know it")
        let counts = first.filter { $0["pid_finder"]?.string == "native" }
        #expect(counts.map { $0["procstat_lookup_pid_count"]?.double } == [2, 1, 1, 2, 0])

        // Half a second of a CPU in five seconds; one that is new has used all of it since.
        try host.write("proc/21/stat", process(21, "nginx", ticks: 100 + Int(ticks) / 2))
        try host.write(
            "proc/22/stat",
            process(22, "nginx", ticks: 0).replacingOccurrences(of: " 50 60000000", with: " 900 60000000"))
        try host.write("proc/22/cmdline", "nginx\0")
        try host.write("proc/22/cgroup", "0::/\n")
        let second = try documents(metrics, at: 15)
        let nginx = try #require(second.first { $0["exe"]?.string == "^nginx$" && $0["process_name"] != nil })
        #expect(nginx["procstat_pid"]?.array?.compactMap(\.double) == [20, 21, 22])
        #expect(nginx["procstat_cpu_usage"]?.array?.compactMap(\.double) == [0, 10, 10 / ticks * 100 / 5])
    }

    @Test func whatIsWrongWithAProcessIsSaidOnce() throws {
        let host = try hostWithProcesses()
        try host.write("proc/20/limits", "odd\n")
        try host.write("proc/21/limits", "odd\n")
        let metrics = try HostMetrics(
            try plan(#"[{"exe": "nginx"}, {"pid_file": "/run/broken.pid"}, {"pid_file": "/run/none.pid"}]"#, of: host))
        let documents = try documents(
            metrics, at: 1,
            problems: ["\(host.root)/run/broken.pid: line 1: expected the number of a process"])
        // Their limits alone are left out.
        #expect(
            documents.filter { $0["pid_finder"] != nil }.map { $0["procstat_lookup_pid_count"]?.double } == [2, 0, 0])
    }

    @Test func aPIDFileAloneNeedsNoLookAtAllProcesses() throws {
        let host = try hostWithProcesses()
        var withRoot = host.host
        withRoot.root = host.root
        let metrics = try HostMetrics(
            try plan(
                #"{ "metrics": ["procstat_cpu_usage", "procstat_pid"], "procstat": [{"pid_file": "/run/app.pid"}] }"#,
                withRoot))
        #expect(try documents(metrics, at: 1).map { $0["procstat_pid"]?.double } == [20])
        try host.write("proc/20/stat", process(20, "nginx", ticks: 100 + Int(KernelUnits.ticksPerSecond)))
        #expect(try documents(metrics, at: 3).map { $0["procstat_cpu_usage"]?.double } == [50])
        // Another process of a file that has changed: what it had used before is not known.
        try host.write("run/app.pid", "21\n")
        #expect(try documents(metrics, at: 5).map { $0["procstat_cpu_usage"]?.double } == [nil])
    }

    // MARK: The vocabulary of node_exporter

    @Test func nodeVocabulary() throws {
        let host = try TemporaryHost([
            "proc/loadavg": "0.5 1 2 1/100 12\n", "proc/stat": "cpu  100 2 3 4\ncpu0 100 2 3 4\nbtime 5\n",
            "proc/meminfo": meminfo,
        ])
        let text = #"""
            { "vocabulary": "node", "collectors": {"loadavg": {}, "cpu": {"guest": false}, "meminfo": {}, "xfs": {}},
              "metrics": ["node_load1", {"name": "node_cpu_*", "unit": "Milliseconds"}, "node_memory_MemFree_bytes"],
              "dimensions": {"cpu": "arm", "host": "{hostname}"} }
            """#
        let metrics = try HostMetrics(try plan(text, host.host))
        let first = try documents(metrics, at: 1)
        #expect(first.compactMap { $0["node_load1"]?.double } == [0.5])
        #expect(first.compactMap { $0["node_memory_MemFree_bytes"]?.double } == [204_800])
        #expect(!first.contains { $0["node_cpu_seconds_total"] != nil }, "a counter needs two readings")
        try host.write("proc/stat", "cpu  100 2 3 4\ncpu0 \(100 + KernelUnits.ticksPerSecond) 2 3 0\nbtime 5\n")
        let cpu = try documents(metrics, at: 61).filter { $0["node_cpu_seconds_total"] != nil }
        let user = try #require(cpu.first { $0["mode"]?.string == "user" })
        #expect(user["node_cpu_seconds_total"]?.double == 1 && user["exported_cpu"]?.string == "0")
        #expect(user["cpu"]?.string == "arm" && user["host"]?.string == "web-1")
        let definition = user["_aws"]?["CloudWatchMetrics"]?.array?[0]["Metrics"]?.array?[0]
        #expect(definition?["Unit"]?.string == "Milliseconds")

        let totals = try HostMetrics(
            try plan(
                text.replacingOccurrences(
                    of: "\"vocabulary\"", with: "\"counters\": \"total\", \"vocabulary\""), host.host))
        let whole = try documents(totals, at: 1).first { $0["mode"]?.string == "user" }
        #expect(whole?["node_cpu_seconds_total"]?.double == 100 / Double(KernelUnits.ticksPerSecond) + 1)
    }

    @Test(arguments: [
        ("node_network_receive_bytes_total", MetricKind.counter, EMFUnit.bytes),
        ("node_cpu_seconds_total", .counter, .seconds), ("node_vmstat_pgfault", .untyped, .none),
        ("node_intr_total", .counter, .count), ("node_memory_MemFree_bytes", .gauge, .bytes),
        ("node_load1", .gauge, .none), ("node_time_seconds", .gauge, .seconds),
    ]) func unitsAreThoseOfTheName(name: String, kind: MetricKind, unit: EMFUnit) {
        #expect(NodeReader.unit(of: MetricDescriptor(name, kind, help: "")) == unit)
    }
}
