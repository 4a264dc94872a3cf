// What `vitals check` finds that would keep the agent from starting, or from doing what the settings say.

import Agent
import Foundation
import HTTP
import Platform
import Settings
import TestSupport
import Testing

@Suite struct CheckTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path }

    init() throws { directory = try TemporaryDirectory() }

    /// Each finding as `note …` or `problem …`; an error of the settings as `error …`.
    private func findings(_ text: String) throws -> [String] {
        do throws(SettingsError) {
            let settings = try AgentSettings(try settingsTree(text), known: Parts.all.known)
            let findings = try checkAgent(settings, parts: .all, log: .silent)
            return findings.lines.map { "\($0.kind.rawValue) \($0.text)" }
        } catch {
            return ["error \(error)"]
        }
    }

    private func problems(_ text: String) throws -> [String] { try findings(text).filter { !$0.hasPrefix("note ") } }

    private func shipping(to output: String, state: String? = nil) -> String {
        """
        { "state_directory": "\(state ?? path + "/state")", "endpoint": { "listen": [] },
          "inputs": { "app": { "type": "file", "paths": ["\(path)/logs/*.log"] } },
          "outputs": { "out": \(output) }, "routes": [ { "from": "app", "to": "out" } ] }
        """
    }

    private func listening(_ addresses: String...) -> String {
        "{ \"endpoint\": { \"listen\": [\(addresses.map { "\"\($0)\"" }.joined(separator: ", "))] } }"
    }

    // MARK: Memory

    /// So many routes, each from an input of its own.
    private func routes(_ count: Int, limit: String) -> String {
        let names = (1...count).map { "in\($0)" }
        let inputs = names.map { #""\#($0)": { "type": "file", "paths": ["\#(path)/logs/\#($0).log"] }"# }
        let routes = names.map { "{ \"from\": \"\($0)\", \"to\": \"out\" }" }
        return """
            { "state_directory": "\(path)/state", "endpoint": { "listen": [] },
              "delivery": { "memory_limit": "\(limit)" },
              "inputs": { \(inputs.joined(separator: ", ")) }, "outputs": { "out": { "type": "stdout" } },
              "routes": [ \(routes.joined(separator: ", ")) ] }
            """
    }

    @Test func saysHowSmallBatchesAre() throws {
        #expect(try findings(routes(2, limit: "64MiB")).contains("note route: in1 to out"))
        let shrunk = try findings(routes(20, limit: "64MiB")).filter { $0.hasPrefix("note route: ") }
        #expect(shrunk.count == 20)
        #expect(shrunk.allSatisfy { $0.contains(" instead of 512KiB and 10000, within \"delivery.memory_limit\"") })
    }

    @Test func tooLittleMemoryIsAnErrorThatSaysWhatWouldDo() throws {
        let said = try findings(routes(100, limit: "1MiB"))
        #expect(said.count == 1)
        #expect(said[0].hasPrefix("error agent.json:2:"))
        let fault = "delivery.memory_limit: 1MiB is too little for 100 routes with records of up to 256KiB"
        #expect(said[0].contains(fault))
        #expect(said[0].hasSuffix("expected 6MiB or more"))
        #expect(try problems(routes(100, limit: "6MiB")) == [])
    }

    // MARK: Addresses

    @Test func anAddressStandsOnce() throws {
        #expect(
            try problems(listening("127.0.0.1:9", "unix:/a", "127.0.0.1:9")) == [
                "error agent.json:1:54: endpoint.listen[2]: 127.0.0.1:9 stands twice, first as endpoint.listen[0]"
            ])
        #expect(
            try problems(listening("localhost:9", "[::]:9")) == [
                "error agent.json:1:43: endpoint.listen[1]: :9 overlaps with 127.0.0.1:9, endpoint.listen[0]"
            ])
        // The kernel gives each a port of its own, and these have nothing in common.
        #expect(try problems(listening("127.0.0.1:0", "127.0.0.1:0", "unix:\(path)/a", "unix:\(path)/b")) == [])
    }

    /// Two inputs and the endpoint, each of which would receive.
    private func receiving(_ one: String, _ other: String, listen: String = "127.0.0.1:9") -> String {
        """
        { "state_directory": "\(path)/state", "endpoint": { "listen": ["unix:\(path)/s", "\(listen)"] },
          "inputs": {
            "one": { "type": "emf", \(one) },
            "other": { "type": "emf", \(other) } },
          "outputs": { "out": { "type": "stdout" } },
          "routes": [ { "from": "one", "to": "out" }, { "from": "other", "to": "out" } ] }
        """
    }

    @Test func twoInputsCannotReceiveAtOneAddress() throws {
        let apart = #""udp": "127.0.0.1:0", "tcp": "127.0.0.1:0""#
        #expect(
            try problems(receiving(#""tcp": """#, #""tcp": "", "udp": "localhost:25888""#)) == [
                "error agent.json:4:49: inputs.other.udp: 127.0.0.1:25888 (UDP) is that of inputs.one.udp: "
                    + "only one can receive there"
            ])
        #expect(
            try problems(receiving(#""tcp": "127.0.0.1:7", "udp": """#, #""tcp": ":7", "udp": """#)) == [
                "error agent.json:4:38: inputs.other.tcp: :7 (TCP) overlaps with 127.0.0.1:7 (TCP), that of "
                    + "inputs.one.tcp: only one can receive there"
            ])
        // By default, where nothing is written that could be pointed at.
        let byDefault = try problems(receiving(#""tcp": """#, #""tcp": """#))
        #expect(byDefault.first?.hasPrefix("error agent.json:4:14: inputs.other.udp: ") == true)
        #expect(
            try problems(receiving(#""tcp": "127.0.0.1:9", "udp": """#, apart)) == [
                "error agent.json:3:36: inputs.one.tcp: 127.0.0.1:9 (TCP) is that of endpoint.listen[1]: "
                    + "only one can receive there"
            ])
        // A port of UDP is another than the same of TCP, and the kernel chooses another for each 0.
        #expect(try problems(receiving(apart, apart)) == [])
        #expect(
            try problems(receiving(#""udp": "127.0.0.1:9", "tcp": """#, apart, listen: "127.0.0.1:9"))
                .filter { $0.hasPrefix("error") } == [])
    }

    @Test func anAddressOfAnInputThatAnotherProgramHasIsAProblem() throws {
        let tcp = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0))
        let udp = try Socket.receivingDatagrams(at: .ipv4(0x7F00_0001, port: 0), bufferBytes: 0)
        let (first, second) = (try #require(tcp.localAddress), try #require(udp.localAddress))
        let text = """
            { "state_directory": "\(path)/state", "endpoint": { "listen": [] },
              "inputs": { "app": { "type": "emf", "tcp": "\(first)", "udp": "\(second)" } },
              "outputs": { "out": { "type": "stdout" } }, "routes": [ { "from": "app", "to": "out" } ] }
            """
        #expect(
            try problems(text) == [
                "problem input app: \(first) (TCP) is in use: another program receives there",
                "problem input app: \(second) (UDP) is in use: another program receives there",
            ])
        // What is in no route does not matter.
        #expect(try problems(text.replacing(#"{ "from": "app", "to": "out" }"#, with: "")) == [])
        // An agent runs with this state directory.
        _ = try directory.write("state/lock", "\(processID)\n")
        #expect(try problems(text) == [])
        #expect(try findings(text).contains { $0.contains("\(first) (TCP) is in use, and so is the state directory") })
        withExtendedLifetime((tcp, udp)) {}
    }

    /// A port of 127.0.0.1 at which somebody listens who answers `answer` to everything.
    private func serving(_ answer: HTTPServerResponse) throws -> (HTTPServer, String) {
        let listener = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0))
        let address = listener.address(asked: .ipv4(0x7F00_0001, port: 0))
        let server = HTTPServer(limits: HTTPServerLimits(connections: 4)) { _, reply in reply(answer) }
        server.serve(listener)
        return (server, address.description)
    }

    @Test func aPortThatAnotherProgramHoldsIsAProblem() throws {
        let (server, address) = try serving(HTTPServerResponse(status: 404, text: "no"))
        defer { server.stop() }
        let problems = try problems(listening(address))
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("problem endpoint: \(address) is in use: another program") == true)
        #expect(problems.first?.contains("404") == true)
    }

    @Test func aPortOfSomebodyWhoSaysNothingIsAProblemSoon() throws {
        let listener = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0))
        let address = listener.address(asked: .ipv4(0x7F00_0001, port: 0))
        #expect(try problems(listening("\(address)")).count == 1)
        withExtendedLifetime(listener) {}
    }

    @Test func aPortOfTheRunningAgentIsANote() throws {
        let settings = try AgentSettings(try settingsTree(listening("unix:\(path)/s")), known: Parts.all.known)
        let notifier = ServiceNotifier(environment: { _ in nil }, processID: 1, log: .silent)
        let agent = try RunningAgent(settings, parts: .all, notifier: notifier, log: .silent)
        try agent.start()
        defer {
            agent.stop()
            _ = agent.wait()
        }
        #expect(
            try findings(listening("unix:\(path)/s")).contains(
                "note endpoint: unix:\(path)/s is in use by an agent that runs"))
    }

    @Test func aFileAtThePathOfASocketIsAProblem() throws {
        try directory.write("s", "not a socket")
        #expect(
            try problems(listening("unix:\(path)/s")) == [
                "problem endpoint: cannot listen at unix:\(path)/s: a file that is no socket is there"
            ])
        #expect(try directory.text("s") == "not a socket")
    }

    // MARK: Files

    @Test func aDirectoryThatCannotBeMadeIsAProblem() throws {
        for output in ["/proc/x/y", "/proc/y"] {
            let problems = try problems(shipping(to: #"{ "type": "file", "path": "\#(output)" }"#))
            #expect(
                problems.count == 1 && problems[0].hasPrefix("problem output out: \(output) cannot be written: /proc"))
        }
        let problems = try problems(shipping(to: #"{ "type": "stdout" }"#, state: "/proc/none"))
        #expect(
            problems.count == 1 && problems[0].hasPrefix("problem state directory: /proc/none cannot be used: /proc"))
    }

    @Test func checkLeavesNothingBehind() throws {
        try directory.write("out/kept", "")
        let output = #"{ "type": "file", "path": "\#(path)/out/deep/er/x.ndjson" }"#
        #expect(try problems(shipping(to: output)) == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["out"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/out") == ["kept"])
    }

    @Test(arguments: ["cursors", "rejected"]) func aFileWhereTheStateHasADirectory(name: String) throws {
        try directory.write("state/\(name)", "")
        #expect(
            try problems(shipping(to: #"{ "type": "stdout" }"#)) == [
                "problem state directory: \(path)/state/\(name) is no directory"
            ])
    }

    @Test func aDirectoryWhereTheStateHasItsLock() throws {
        try directory.write("state/lock/x", "")
        #expect(
            try problems(shipping(to: #"{ "type": "stdout" }"#)) == [
                "problem state directory: \(path)/state/lock is no regular file"
            ])
    }

    @Test func filesOfTheHTTPOutputHoldPEM() throws {
        let key = try directory.write("key", "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n")
        let certificate = try directory.write("cert", "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n")
        let text = try directory.write("text", "BEGIN CERTIFICATE")
        func problems(_ options: String) throws -> [String] {
            try self.problems(shipping(to: "{ \"type\": \"http\", \"url\": \"https://h/\", \(options) }"))
        }
        #expect(
            try problems(
                "\"ca_file\": \"\(certificate)\", \"client_certificate\": \"\(certificate)\", "
                    + "\"client_key\": \"\(key)\"") == [])
        #expect(
            try problems("\"ca_file\": \"\(text)\"") == [
                "problem output out: ca_file: \(text) holds no PEM certificate"
            ])
        #expect(
            try problems("\"client_certificate\": \"\(key)\", \"client_key\": \"\(certificate)\"") == [
                "problem output out: client_certificate: \(key) holds no PEM certificate",
                "problem output out: client_key: \(certificate) holds no PEM private key",
            ])
        // The key is looked for in the file of the certificate.
        #expect(
            try problems("\"client_certificate\": \"\(certificate)\"") == [
                "problem output out: client_certificate: \(certificate) holds no PEM private key"
            ])
    }

    // MARK: Settings

    @Test func directoriesOfTheHostAreThere() throws {
        try directory.write("file", "")
        let host = """
            { "endpoint": { "listen": [] },
              "host": { "proc": "\(path)/p", "sys": "\(path)/file", "root": "\(path)", "udev": "\(path)/u" } }
            """
        let findings = try findings(host)
        #expect(findings.contains("problem host.proc: \(path)/p: No such file or directory"))
        #expect(findings.contains("problem host.sys: \(path)/file is no directory"))
        #expect(findings.contains("note host.udev: \(path)/u: No such file or directory"))
        #expect(!findings.contains { $0.contains("host.root") })
        // The agent runs, and says so.
        let settings = try AgentSettings(try settingsTree(host), known: Parts.all.known)
        #expect(
            hostFaults(settings) == [
                "host.proc: \(path)/p: No such file or directory", "host.sys: \(path)/file is no directory",
            ])
        #expect(hostFaults(try AgentSettings(try settingsTree("{}"), known: Parts.all.known)) == [])
    }

    /// Nobody sends it, and nobody would think of looking there.
    @Test func whatRoutesOfEarlierSettingsHaveLeftIsNamed() throws {
        for (place, content) in [
            ("spool/gone~out", "records"), ("spool/app~out", "records"), ("spool/empty~out", ""),
            ("rejected/old", "line"),
            ("rejected/out", "line"),
        ] {
            try makeDirectories("\(path)/state/\(place)")
            try Data(content.utf8).write(to: URL(filePath: "\(path)/state/\(place)/1"))
        }
        let said = try findings(shipping(to: "{ \"type\": \"stdout\" }")).filter { $0.hasPrefix("note \(path)/state/") }
        #expect(
            said == [
                "note \(path)/state/spool/gone~out is of no route any more: "
                    + "7 B lie there that may not have been delivered",
                "note \(path)/state/rejected/old is of no output any more: vitals replay leaves its 4 B alone",
            ])
    }
}
