// The agent as a whole, in this process: real files, a real endpoint on a port of its own, real collectors on the host.
// (Signals are the process's own; the end-to-end tests send those to the built program.)

import Agent
import Bytes
import Foundation
import HTTP
import Platform
import Settings
import Synchronization
import TestSupport
import Testing

@Suite struct AgentTests {
    private func agentSettings(_ text: String) throws -> AgentSettings {
        try AgentSettings(try settingsTree(text), known: Parts.all.known)
    }

    private func agent(_ settings: AgentSettings, log: AgentLog = .silent) throws(StartError) -> RunningAgent {
        try RunningAgent(
            settings, parts: .all,
            notifier: ServiceNotifier(environment: { _ in nil }, processID: 1, log: .silent), log: log)
    }

    private func shipping(_ directory: TemporaryDirectory, listen: String = "[]") -> String {
        """
        { "state_directory": "\(directory.path)/state", "endpoint": { "listen": \(listen) },
          "inputs": { "app": { "type": "file", "paths": ["\(directory.path)/logs/*.log"], "fields": { "team": "a" } } },
          "outputs": { "local": { "type": "file", "path": "\(directory.path)/state/out.ndjson" } },
          "routes": [ { "from": "app", "to": "local" } ] }
        """
    }

    /// The default settings are read with nothing left over, by every part that they name.
    @Test(arguments: [[:], ["VITALS_STATE": "/elsewhere", "VITALS_LISTEN": "[::1]:1"]])
    func theDefaultSettingsAreWhole(_ environment: [String: String]) throws {
        let path = Repository.path + "/agent.json"
        let variables = SettingsVariables(environment: { environment[$0] }, readFile: { _ in [] })
        let settings = try AgentSettings(try readSettings([path], variables: variables), known: Parts.all.known)
        #expect(settings.stateDirectory == environment["VITALS_STATE"] ?? "/var/lib/vitals")
        #expect(settings.listen == [environment["VITALS_LISTEN"] ?? "127.0.0.1:9100"])
        #expect(settings.warnings.isEmpty)
        #expect(settings.routes.count == 2)
        let plugins = Plugins(.all, settings: settings, hostName: "h", log: .silent)
        try plugins.validate(now: .now)
        var section = settings.collectors
        let scraper = try Scraper(
            &section, host: settings.host, collectors: Parts.all.collectors, log: .silent)
        #expect(scraper.collectors.contains { $0.isEnabled })
        var endpoint = try #require(settings.endpoint)
        _ = try Endpoint(
            &endpoint, scraper: scraper, selfMetrics: { _ in }, status: { [] }, isReady: { true }, log: .silent)
    }

    /// What the package installs: it serves metrics, and ships nothing until somebody says what.
    @Test func theSettingsOfThePackageShipNothing() throws {
        let settings = try Self.settings("packaging/agent.json")
        #expect(settings.listen == ["127.0.0.1:9100"])
        #expect(settings.routes.isEmpty && settings.warnings.isEmpty)
        try Plugins(.all, settings: settings, hostName: "h", log: .silent).validate(now: .now)
    }

    @Test(arguments: ["http.json", "cloudwatch.json"]) func examplesAreWhole(name: String) throws {
        let settings = try Self.settings("packaging/examples/\(name)")
        #expect(settings.routes.count == 2 && settings.warnings.isEmpty)
        try Plugins(.all, settings: settings, hostName: "h", log: .silent).validate(now: .now)
    }

    private static func settings(_ name: String) throws -> AgentSettings {
        let variables = SettingsVariables(environment: { _ in nil }, readFile: { _ in Array("secret".utf8) })
        let tree = try readSettings(["\(Repository.path)/\(name)"], variables: variables)
        return try AgentSettings(tree, known: Parts.all.known)
    }

    @Test func aLineArrivesAndTheStopLeavesATrueCursor() throws {
        let directory = try TemporaryDirectory()
        let log = try directory.write("logs/a.log", "one\n")
        let socket = "\(directory.path)/s"
        let settings = try agentSettings(shipping(directory, listen: "[\"unix:\(socket)\"]"))
        let output = URL(filePath: "\(directory.path)/state/out.ndjson")
        func shipped() -> [String] {
            let text = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").map { line in
                guard let json = try? parseJSON(Array(line.utf8)) else { return "broken" }
                return "\(json["input"]?.string ?? "") \(json["team"]?.string ?? "") \(json["message"]?.string ?? "")"
            }
        }
        do {
            let agent = try agent(settings)
            // The state directory is held from here on.
            do throws(StartError) {
                _ = try self.agent(settings)
                Issue.record("two agents use one state directory")
            } catch {
                #expect(
                    error.description == "the state directory \(directory.path)/state is in use by another agent, "
                        + "process \(processID); another one is --state-directory DIR")
            }
            try agent.start()
            #expect(eventually { shipped() == ["app a one"] })
            let handle = try #require(FileHandle(forWritingAtPath: log))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data("two\n".utf8))
            #expect(eventually { shipped() == ["app a one", "app a two"] })

            let address = ["unix:\(socket)"]
            #expect(
                eventually {
                    guard let json = try? parseJSON(try askForStatus(address).json) else { return false }
                    let route = json["routes"]?.array?.first
                    return route?["records_acknowledged"]?.unsigned == 2 && route?["lag_bytes"]?.unsigned == 0
                })
            let (status, body) = try httpGet(
                try SocketAddress("unix:\(socket)"), path: "/metrics", deadline: .now + .seconds(10))
            let text = String(decoding: body, as: UTF8.self)
            #expect(status == 200)
            #expect(text.contains("vitals_route_records_read_total{input=\"app\",output=\"local\"} 2\n"))
            #expect(text.contains("\nnode_load1 "))
            agent.stop()
            #expect(agent.wait() == 0)
            #expect(throws: AskError.self) { try askForStatus(address) }
        }
        let (text, problems) = try cursorTable(stateDirectory: "\(directory.path)/state")
        let line = text.split(separator: "\n").last?.split(separator: " ").map(String.init)
        #expect(line?[2] == log && line?.dropFirst(4) == ["8", "8", "0", "B", "live"], "\(text)")
        #expect(problems.isEmpty)
        // A second agent, after the first has let go, goes on where that one was.
        let handle = try #require(FileHandle(forWritingAtPath: log))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("three\n".utf8))
        let again = try agent(settings)
        try again.start()
        #expect(eventually { shipped().count == 3 })
        again.stop()
        #expect(again.wait() == 0)
        #expect(shipped() == ["app a one", "app a two", "app a three"])
    }

    @Test func aPortInUseIsAClearError() throws {
        let directory = try TemporaryDirectory()
        let holder = try Socket.listening(at: try SocketAddress("127.0.0.1:0"))
        let address = holder.address(asked: try SocketAddress("127.0.0.1:0"))
        let agent = try agent(try agentSettings("{ \"endpoint\": { \"listen\": [\"\(address)\"] } }"))
        do throws(StartError) {
            try agent.start()
            Issue.record("started on a port that is in use")
        } catch {
            #expect(error.description == "\(address) is in use: another program listens there")
        }
        withExtendedLifetime((holder, directory)) {}
    }

    @Test func readySaysThePortThatTheKernelChose() throws {
        let directory = try TemporaryDirectory()
        let lines = Mutex<[String]>([])
        let log = AgentLog(level: .info, underSystemd: true) { line in
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
        let agent = try agent(agentSettings(shipping(directory, listen: "[\"127.0.0.1:0\"]")), log: log)
        try agent.start()
        agent.stop()
        #expect(agent.wait() == 0)
        let ready = try #require(lines.withLock { $0.first { $0.contains("msg=ready") } })
        let status = try #require(ready.firstRange(of: "status=\"127.0.0.1:").map { ready[$0.upperBound...] })
        #expect(status.prefix { $0.isNumber } != "0" && status.hasSuffix("; 1 route\"\n"), "\(ready)")
    }

    @Test func anAgentWithoutRoutesNeedsNoStateDirectory() throws {
        let settings = try agentSettings("{ \"state_directory\": \"/proc/none\", \"endpoint\": { \"listen\": [] } }")
        let agent = try agent(settings)
        try agent.start()
        agent.stop()
        #expect(agent.wait() == 0)
    }

    @Test func aStateDirectoryThatCannotBeMade() throws {
        let directory = try TemporaryDirectory()
        let text = shipping(directory).replacingOccurrences(of: "\(directory.path)/state\"", with: "/proc/none\"")
        let settings = try agentSettings(text)
        do throws(StartError) {
            _ = try agent(settings)
            Issue.record("made a directory in /proc")
        } catch {
            #expect(error.description.hasPrefix("cannot make the state directory /proc/none: "))
        }
    }

    /// A disk may come later than the agent: it serves metrics, says what it waits for, and ships then.
    @Test func aStateDirectoryThatComesLater() throws {
        let directory = try TemporaryDirectory()
        try directory.write("logs/app.log", "one\n")
        try directory.write("state", "a file in its place")
        let lines = Mutex<[String]>([])
        let log = AgentLog(level: .info, underSystemd: true) { line in
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
        let settings = try agentSettings(shipping(directory, listen: "[\"127.0.0.1:0\"]"))
        let agent = try agent(settings, log: log)
        try agent.start()
        let said = "cannot make the state directory \(settings.stateDirectory): "
        #expect(eventually { lines.withLock { $0.contains { $0.hasPrefix("<3>") && $0.contains(said) } } })
        try FileManager.default.removeItem(atPath: settings.stateDirectory)
        #expect(eventually { (try? directory.text("state/out.ndjson"))?.contains("one") == true })
        #expect(lines.withLock { $0.contains { $0.contains("shipping begins") } })
        agent.stop()
        #expect(agent.wait() == 0)
    }

    /// Not so when another agent has it: that is a mistake, and two would send everything twice.
    @Test func aStateDirectoryThatAnotherAgentHas() throws {
        let directory = try TemporaryDirectory()
        let settings = try agentSettings(shipping(directory, listen: "[\"127.0.0.1:0\"]"))
        let first = try agent(settings)
        #expect(throws: StartError.self) { _ = try agent(settings) }
        withExtendedLifetime(first) {}
    }

    @Test func wrongSettingsOfAPartAreErrorsAlsoInNoRoute() throws {
        let text = """
            { "outputs": { "a": { "type": "file", "path": "/tmp/x", "rotate_byte": 1 } } }
            """
        let settings = try agentSettings(text)
        do throws(StartError) {
            _ = try agent(settings)
            Issue.record("a misspelt key was taken")
        } catch {
            #expect(error.description.contains("outputs.a.rotate_byte: unknown key, did you mean \"rotate_bytes\"?"))
        }
    }

    @Test func checkSaysWhatWouldBeReadAndWhatCannotWork() throws {
        let directory = try TemporaryDirectory()
        let log = try directory.write("logs/a.log", "one\n")
        let text = shipping(directory).replacingOccurrences(of: "/state/out.ndjson", with: "/logs/a.log/out.ndjson")
        let findings = try checkAgent(try agentSettings(text), parts: .all, log: .silent)
        let lines = findings.lines.map { "\($0.kind.rawValue) \($0.text)" }
        #expect(lines.contains { $0.hasPrefix("note input app: ") && $0.contains(log) })
        #expect(lines.contains { $0.hasPrefix("problem output local: ") && $0.contains("a.log/out.ndjson") })
        #expect(lines.contains("note route: app to local"))
        #expect(findings.problemCount == 1)
        // It changed nothing.
        #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/state"))
    }
}
