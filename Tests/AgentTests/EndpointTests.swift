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

    /// One is taken, one is not: and when it is free, it is had.
    @Test func triesAgainWhereItCannotListen() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        var holder: Socket? = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0))
        let port = try #require(holder?.localAddress?.port)
        let path = directory.path + "/later/a.sock"
        let served = try Served(
            section(#"{ "listen": ["127.0.0.1:0", "127.0.0.1:\#(port)", "unix:\#(path)"] }"#, path: "endpoint"))
        defer { served.endpoint.stop() }
        #expect(served.endpoint.problems.count == 2)
        #expect(served.endpoint.problems.first?.hasPrefix("127.0.0.1:\(port) is in use") == true)
        let text = try served.curl("/metrics").text
        #expect(text.contains("\nvitals_http_listening{address=\"127.0.0.1:\(port)\"} 0\n"))
        withExtendedLifetime(holder) { holder = nil }
        try FileManager.default.createDirectory(atPath: directory.path + "/later", withIntermediateDirectories: false)
        #expect(eventually(within: .seconds(20)) { served.endpoint.problems.isEmpty })
        for address in [SocketAddress.ipv4(0x7F00_0001, port: port), .unix(path: path)] {
            #expect(try httpGet(address, path: "/-/healthy", deadline: .now + .seconds(5)).status == 200)
        }
        #expect(served.endpoint.addresses.count == 3)
    }

    /// What other pages have a browser ask for under a name of theirs, it does not get; everybody else does.
    @Test(arguments: [
        ("x.example", "", true, true), ("x.example", "Accept-Language: en", true, false),
        ("x.example:9100", "Origin: http://x.example:9100", true, false),
        ("x.example", "Sec-Fetch-Site: none", true, false), ("x.example", "User-Agent: Mozilla/5.0", true, false),
        ("localhost:1", "Origin: http://a", true, true), ("127.0.0.1", "Origin: http://a", true, true),
        ("[::1]:9100", "Origin: http://a", true, true), ("Web1.", "Origin: null", true, true),
        ("web1.example.com:80", "Origin: null", true, true), ("example.com", "Origin: null", true, false),
        ("web1.x.example", "Origin: null", true, false), ("127.0.0.1.x.example", "Origin: null", true, false),
        ("[::1].x.example", "Origin: null", true, false), ("a:b:1", "Origin: null", true, false),
    ]) func answersBrowsersUnderItsOwnNames(host: String, header: String, metrics: Bool, page: Bool) throws {
        let hosts = AllowedHosts([], hostName: "web1.example.com", log: .silent)
        #expect((hosts.refusal(of: try request("/metrics", host, header)) == nil) == metrics)
        for path in ["/", "/api/v1/status"] {
            let refusal = hosts.refusal(of: try request(path, host, header))
            #expect((refusal == nil) == page, "\(path)")
            #expect(refusal.map { $0.status == 403 } ?? true)
        }
    }

    @Test func namesMayBeLimited() throws {
        let hosts = AllowedHosts(["Metrics.Example"], hostName: "web1", log: .silent)
        for (host, isAllowed) in [
            ("metrics.example:9100", true), ("METRICS.example.", true), ("192.0.2.1:9100", true), ("localhost", true),
            ("web1", false), ("x.metrics.example", false), ("", false),
        ] {
            #expect((hosts.refusal(of: try request("/metrics", host, "")) == nil) == isAllowed, "\(host)")
        }
        // What stands in the target counts, and not the header (RFC 9112, section 3.2.2).
        #expect(hosts.refusal(of: try request("http://x.example/metrics", "metrics.example", "")) != nil)
        #expect(hosts.refusal(of: try request("http://metrics.example?a", "x.example", "")) == nil)
        var local = try request("/metrics", "x.example", "")
        local.origin = .unixSocket
        #expect(hosts.refusal(of: local) == nil)
        #expect(hosts.refusedCount == 4)
    }

    private func request(_ target: String, _ host: String, _ header: String) throws -> HTTPServerRequest {
        var parser = RequestParser()
        let more = header.isEmpty ? "" : "\r\n\(header)"
        parser.append(Array("GET \(target) HTTP/1.1\r\nHost: \(host)\(more)\r\n\r\n".utf8)[...])
        return try #require(try parser.next())
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
        expect(#"{ "allowed_hosts": [] }"#, "leave it out for any")
        expect(#"{ "allowed_hosts": ["a", "a.example:9100"] }"#, "endpoint.allowed_hosts[1]: expected a name")
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
        #expect(expositionChoice(accept: header).format == format)
    }

    @Test(arguments: [
        (nil, nil, "text/plain; version=0.0.4; charset=utf-8"),
        (
            "text/plain;escaping=allow-utf-8", NameEscaping.allowUTF8,
            "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
        ),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8", .allowUTF8,
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        ),
        (
            "text/plain;version=0.0.4;escaping=underscores", .underscores,
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=\"dots\"", .dots,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots"
        ),
        // Prometheus 3.1: that of the type which is served, not of another.
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
                + "version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;"
                + "q=0.3,*/*;q=0.2", .allowUTF8,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        ),
        (
            "text/plain;version=0.0.4,application/openmetrics-text;q=0.5;escaping=values", nil,
            "text/plain; version=0.0.4; charset=utf-8"
        ),
        ("*/*;escaping=values", .values, "text/plain; version=0.0.4; charset=utf-8; escaping=values"),
        ("text/plain;escaping=oops", nil, "text/plain; version=0.0.4; charset=utf-8"),
    ]) func choosesTheEscaping(header: String?, escaping: NameEscaping?, type: String) {
        let choice = expositionChoice(accept: header)
        #expect(choice.escaping == escaping)
        #expect(choice.contentType == type)
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
        #expect(value("node_exporter_build_info") == 1, "dashboards ask for it")
        #expect(try #require(value("vitals_process_threads")) >= 1)
    }
}
