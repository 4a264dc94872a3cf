import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Agent
@testable import Bytes
@testable import HTTP
@testable import Metrics
@testable import Platform
@testable import Settings

private struct Served {
    let endpoint: Endpoint
    let port: UInt16

    init(_ given: SettingsSection? = nil, script: Script = Script(), isReady: Bool = true) throws {
        var section = try given ?? section(#"{ "listen": ["127.0.0.1:0"] }"#, path: "endpoint")
        let own = MetricDescriptor("vitals_test", .counter, help: "A self metric.")
        endpoint = try Endpoint(
            &section, scraper: try script.scraper(), selfMetrics: { $0.add(own, 5) },
            status: { Array("{\"a\":1}\n".utf8) }, isReady: { isReady }, log: .silent)
        try endpoint.start()
        guard case .ipv4(_, let port)? = endpoint.addresses.first else { throw Errno.invalid }
        self.port = port
    }

    /// With curl, which every machine here has: a client that we did not write.
    func curl(_ path: String, _ options: String...) throws -> (status: Int, text: String, data: Data) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments =
            ["-s", "-g", "--max-time", "20", "-w", "\n%{http_code}"] + options + ["http://127.0.0.1:\(port)\(path)"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let body = data.prefix(upTo: data.lastIndex(of: UInt8(ascii: "\n")) ?? data.endIndex)
        let status = Int(String(decoding: data.suffix(3), as: UTF8.self)) ?? 0
        return (status, String(decoding: body, as: UTF8.self), body)
    }
}

@Suite struct EndpointTests {
    @Test func servesItsPages() throws {
        let served = try Served()
        defer { served.endpoint.stop() }
        let metrics = try served.curl("/metrics", "-i")
        #expect(metrics.status == 200)
        #expect(metrics.text.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
        #expect(metrics.text.contains("\nvitals_test 5\n") && metrics.text.contains("\nfake_value{of=\"good"))
        #expect(metrics.text.contains("\nvitals_http_requests_total 1\n"))
        #expect(try served.curl("/").text.contains("<a href=\"/metrics\">"))
        #expect(try served.curl("/-/healthy").status == 200)
        #expect(try served.curl("/-/ready").status == 200)
        #expect(try served.curl("/api/v1/status", "-i").text.contains("Content-Type: application/json\r\n"))
        #expect(try served.curl("/api/v1/status").text == "{\"a\":1}\n")
        #expect(try served.curl("/nothing").status == 404)
        #expect(try served.curl("/debug/pprof/").status == 404)
        let post = try served.curl("/metrics", "-i", "-X", "POST", "-d", "a=b")
        #expect(post.status == 405 && post.text.contains("Allow: GET, HEAD\r\n"))
        #expect(try served.curl("/metrics", "-X", "DELETE").status == 405)
        let head = try served.curl("/metrics", "-I")
        #expect(head.status == 200 && !head.text.contains("fake_value"))
        #expect(try served.curl("/metrics", "-0").text.contains("fake_value"))
    }

    @Test func saysWhenItIsNotReady() throws {
        let served = try Served(isReady: false)
        defer { served.endpoint.stop() }
        #expect(try served.curl("/-/ready").status == 503)
        #expect(try served.curl("/-/healthy").status == 200)
    }

    @Test func choosesCollectors() throws {
        let served = try Served()
        defer { served.endpoint.stop() }
        let only = try served.curl("/metrics?collect[]=good&collect%5B%5D=absent")
        #expect(only.status == 200 && only.text.contains("of=\"good") && !only.text.contains("failing"))
        #expect(only.text.contains("vitals_test 5"))
        let without = try served.curl("/metrics?exclude[]=good&exclude[]=nonsense")
        #expect(without.status == 200 && !without.text.contains("of=\"good") && without.text.contains("failing"))
        let both = try served.curl("/metrics?collect[]=good&exclude[]=good")
        #expect(both.status == 400 && both.text.contains("together"))
        let unknown = try served.curl("/metrics?collect[]=g%20ood")
        #expect(unknown.status == 400 && unknown.text == "unknown collector: g ood\n")
        #expect(try served.curl("/metrics?collect[]=optional").text == "disabled collector: optional\n")
        #expect(try served.curl("/metrics?collect[]=%zz").status == 400)
        #expect(try served.curl("/metrics?format=x").status == 200)
    }

    @Test func compressesWhenAsked() throws {
        let served = try Served()
        defer { served.endpoint.stop() }
        let plain = try served.curl("/metrics?collect[]=good", "-i", "-H", "Accept-Encoding: gzip;q=0")
        #expect(!plain.text.contains("Content-Encoding:") && plain.text.contains("Vary: Accept, Accept-Encoding"))
        for _ in 0..<3 {
            let headers = try served.curl("/metrics?collect[]=good", "-I", "-H", "Accept-Encoding: gzip")
            #expect(headers.text.contains("Content-Encoding: gzip\r\n"))
            // curl inflates, and checks the sum at the end of the gzip member.
            let inflated = try served.curl("/metrics?collect[]=good", "--compressed")
            func stable(_ text: String) -> [Substring] {
                text.split(separator: "\n").filter { $0.hasPrefix("fake_value") || $0.hasPrefix("#") }
            }
            #expect(stable(inflated.text) == stable(try served.curl("/metrics?collect[]=good").text))
            #expect(inflated.text.contains("vitals_test 5"))
        }
        let packed = try served.curl("/metrics?collect[]=good", "-H", "Accept-Encoding: gzip", "--output", "-")
        #expect(packed.data.starts(with: [0x1F, 0x8B]))
    }

    @Test func honoursPrometheusTimeout() throws {
        let script = Script()
        defer { script.gate.signal() }
        let served = try Served(script: script)
        defer { served.endpoint.stop() }
        let slow = try Endpoint.serving(script.scraper(section(#"{ "enable": ["hanging"] }"#, path: "collectors")))
        defer { slow.stop() }
        let begin = Instant.now
        guard case .ipv4(_, let port)? = slow.addresses.first else { throw Errno.invalid }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments = [
            "-s", "-f", "-o", "/dev/null", "-H", "X-Prometheus-Scrape-Timeout-Seconds: 0.5",
            "http://127.0.0.1:\(port)/metrics",
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(Instant.now - begin < .seconds(3))
        // Pages that ask no collector do not wait for a scrape.
        #expect(try served.curl("/-/healthy").status == 200)
    }

    @Test func servesAtAPath() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let path = directory.path + "/a.sock"
        let served = try Served(section(#"{ "listen": ["127.0.0.1:0", "unix:\#(path)"] }"#, path: "endpoint"))
        defer { served.endpoint.stop() }
        #expect(try served.curl("/metrics", "--http1.1", "--unix-socket", path).text.contains("vitals_test 5"))
        let answer = try httpGet(.unix(path: path), path: "/api/v1/status", deadline: .now + .seconds(5))
        #expect(answer.status == 200 && answer.body == Array("{\"a\":1}\n".utf8))
    }

    @Test func saysWhenThePortIsInUse() throws {
        let served = try Served()
        defer { served.endpoint.stop() }
        #expect(throws: EndpointError.addressInUse(.ipv4(0x7F00_0001, port: served.port))) {
            _ = try Served(section(#"{ "listen": ["127.0.0.1:\#(served.port)"] }"#, path: "endpoint"))
        }
        #expect(
            EndpointError.addressInUse(.ipv4(0x7F00_0001, port: 9100)).description
                == "127.0.0.1:9100 is in use: another program listens there")
        #expect(throws: EndpointError.cannotListen(.unix(path: "/nowhere/x"), .notFound)) {
            _ = try Served(section(#"{ "listen": ["unix:/nowhere/x"] }"#, path: "endpoint"))
        }
    }

    @Test func rejectsWrongSettings() {
        func expect(_ settings: String, _ text: String) {
            do {
                _ = try Served(section(settings, path: "endpoint"))
                Issue.record("was accepted, expected: \(text)")
            } catch { #expect("\(error)".contains(text), "\(error)") }
        }
        expect(
            #"{ "listen": ["127.0.0.1:0", "9100"] }"#,
            "agent.json:1:29: endpoint.listen[1]: \"9100\"")
        expect(#"{ "listen": ":9100" }"#, "expected a list of addresses")
        expect(#"{ "max_connections": 0 }"#, "from 1 to 10000")
        expect(#"{ "listne": [":0"] }"#, "did you mean \"listen\"?")
    }

    @Test(arguments: [
        (nil, false), ("", false), ("gzip", true), ("deflate, GZIP;q=1.0", true), ("gzip;q=0", false),
        ("gzip; q=0.000", false),
        ("*", true), ("*;q=0", false), ("*;q=0, gzip;q=0.5", true), ("gzip;q=0, *", false), ("zstd", false),
        ("x-gzip", true),
    ]) func readsAcceptEncoding(header: String?, isAccepted: Bool) { #expect(acceptsGzip(header) == isAccepted) }

    @Test(arguments: [
        (nil, ExpositionFormat.prometheusText), ("", .prometheusText), ("*/*", .prometheusText),
        ("text/html, */*;q=0.8", .prometheusText), ("application/json", .prometheusText),
        // Prometheus 2.42 and 3.1.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
                + "version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;"
                + "q=0.3,*/*;q=0.2", .openMetrics
        ),
        // Set to the text format, and to protobuf with the text format behind it.
        ("text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.2", .prometheusText),
        ("application/vnd.google.protobuf;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3", .prometheusText),
        ("application/openmetrics-text;version=1.0.0;q=0,*/*;q=0.1", .prometheusText),
        ("application/openmetrics-text; version=\"1.0.0\"", .openMetrics),
        ("Application/OpenMetrics-Text", .openMetrics), ("application/openmetrics-text;version=2.0.0", .prometheusText),
        ("application/openmetrics-text;q=oops", .prometheusText), (";;,q=1,=", .prometheusText),
    ]) func choosesTheFormat(header: String?, format: ExpositionFormat) {
        #expect(expositionFormat(accept: header) == format)
    }

    @Test(arguments: [
        (nil, nil), ("10", 9.5), ("1", 0.8), ("0.5", 0.4), ("x", nil), ("-1", nil), ("nan", nil), ("inf", nil),
        ("1e300", nil),
    ]) func readsTheScrapeTimeout(header: String?, seconds: Double?) {
        #expect(scrapeTime(asked: header)?.inSeconds == seconds)
    }

    @Test func readsQueries() {
        #expect(parseQuery("a=b%26c&d+e&&f=")?.map(\.name) == ["a", "d e", "f"])
        #expect(parseQuery("a=b%26c&d+e&&f=")?.map(\.value) == ["b&c", "", ""])
        #expect(parseQuery("")?.isEmpty == true)
        for bad in ["a=%", "a=%1", "%g0=a"] { #expect(parseQuery(bad) == nil) }
    }
}

extension Endpoint {
    fileprivate static func serving(_ scraper: Scraper) throws -> Endpoint {
        var section = try section(#"{ "listen": ["127.0.0.1:0"] }"#, path: "endpoint")
        let endpoint = try Endpoint(
            &section, scraper: scraper, selfMetrics: { _ in }, status: { [] }, isReady: { true }, log: .silent)
        try endpoint.start()
        return endpoint
    }
}

@Suite struct ProcessMetricsTests {
    private static let line =
        "4242 (a (b) c) S 1 4242 4242 0 -1 4194304 1 0 0 0 77 23 0 0 20 0 5 0 99 1024000 2048 18446744073709551615 1\n"

    @Test func parses() throws {
        var cursor = ByteCursor(Self.line)
        let stat = try ProcessStat.parse(&cursor)
        #expect(
            stat
                == ProcessStat(
                    userTicks: 77, systemTicks: 23, threadCount: 5, startTicks: 99, virtualBytes: 1_024_000,
                    residentPages: 2_048))
    }

    @Test func namesWhatIsMissingInEveryTruncation() throws {
        let bytes = Array(Self.line.utf8)
        // The field that is read last ends at the space before the limit of the resident size.
        let end = try #require(Self.line.range(of: " 18446")?.lowerBound)
        let needed = Self.line[..<end].utf8.count
        for count in 0..<needed - 4 {
            var cursor = ByteCursor(Array(bytes[..<count]))
            #expect(throws: ParseError.self) { _ = try ProcessStat.parse(&cursor) }
        }
    }

    @Test func readsThisProcess() throws {
        var snapshot = Snapshot()
        ProcessMetrics().add(to: &snapshot)
        func value(_ name: String) -> Double? {
            snapshot.samples.first { snapshot.families[$0.family].name == name }?.value
        }
        for name in [
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
            "process_open_fds",
            "process_max_fds", "process_start_time_seconds",
        ] {
            let shared = try #require(value(name))
            #expect(shared >= 0)
            #expect(value("vitals_" + name) == shared)
        }
        let start = try #require(value("process_start_time_seconds"))
        let age = Date().timeIntervalSince1970 - start
        #expect(age > 0 && age < 3_600)
        #expect(try #require(value("process_resident_memory_bytes")) > 1_048_576)
        #expect(value("vitals_build_info") == 1)
        #expect(try #require(value("vitals_process_threads")) >= 1)
    }
}
