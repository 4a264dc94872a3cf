// An input that reads what an output writes: refused where a route, or a chain of them, leads from one to the other.

import Foundation
import Platform
import Settings
import TestSupport
import Testing

@testable import Agent

@Suite struct FeedbackTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path }

    init() throws { directory = try TemporaryDirectory() }

    private func settings(
        _ inputs: [String: String], _ outputs: [String: String], _ routes: [(String, String)]
    ) throws -> AgentSettings {
        func members(_ plugins: [String: String], _ key: String) -> String {
            plugins.sorted { $0.key < $1.key }.map { "\"\($0)\": { \"type\": \"file\", \"\(key)\": \($1) }" }
                .joined(separator: ", ")
        }
        let text = """
            { "state_directory": "\(path)/state", "endpoint": { "listen": [] },
              "inputs": { \(members(inputs.mapValues { "[\"\($0)\"]" }, "paths")) },
              "outputs": { \(members(outputs.mapValues { "\"\($0)\"" }, "path")) },
              "routes": [
            \(routes.map { "{ \"from\": \"\($0.0)\", \"to\": \"\($0.1)\" }" }.joined(separator: ",\n")) ] }
            """
        return try AgentSettings(try settingsTree(text), known: Parts.all.known)
    }

    private func errorText(
        _ inputs: [String: String], _ outputs: [String: String], _ routes: [(String, String)]
    ) throws -> String {
        let settings = try settings(inputs, outputs, routes)
        let plugins = Plugins(.all, settings: settings, hostName: "h", log: .silent)
        do throws(SettingsError) {
            try plugins.validate(now: .now)
            return "no error"
        } catch {
            return error.description
        }
    }

    private func refusal(_ line: Int, _ route: Int, _ file: String, by output: String = "out") -> String {
        "agent.json:\(line):1: routes[\(route)]: input app reads \(file), which output \(output) writes: "
            + "what it ships would come back for ever"
    }

    /// What one route has acknowledged, the other may still have to read.
    @Test func anInputThatRemovesItsFilesHasOneRoute() throws {
        let removing = "\(path)/*.txt\"], \"remove_after\": \"acknowledged\", \"exclude\": [\"none"
        let outputs = ["one": "\(path)/1.log", "two": "\(path)/2.log"]
        #expect(try errorText(["app": removing], outputs, [("app", "one")]) == "no error")
        let text = try errorText(["app": removing], outputs, [("app", "one"), ("app", "two")])
        #expect(text.hasPrefix("agent.json:6:1: routes[1]: input app has \"remove_after\""), "\(text)")
    }

    @Test func aPatternThatTakesItsOwnOutput() throws {
        let text = try errorText(["app": "\(path)/*.log"], ["out": "\(path)/out.log"], [("app", "out")])
        #expect(text.hasPrefix(refusal(5, 0, "\(path)/out.log")), "\(text)")
        // What is rotated comes back too.
        let rotated = try errorText(["app": "\(path)/*.[0-9]"], ["out": "\(path)/out.log"], [("app", "out")])
        #expect(rotated.hasPrefix(refusal(5, 0, "\(path)/out.log.1")), "\(rotated)")
        #expect(try errorText(["app": "\(path)/*.txt"], ["out": "\(path)/out.log"], [("app", "out")]) == "no error")
    }

    @Test func aChainOfRoutes() throws {
        let text = try errorText(
            ["app": "\(path)/b/*", "between": "\(path)/a/*"],
            ["out": "\(path)/b/x", "first": "\(path)/a/x"], [("app", "first"), ("between", "out")])
        #expect(text.hasPrefix(refusal(5, 0, "\(path)/b/x")), "\(text)")
        #expect(text.contains("(app to first, between to out)"))
    }

    @Test func whatDoesNotComeBackIsANote() throws {
        let inputs = ["app": "\(path)/a/*", "other": "\(path)/b/*"]
        let outputs = ["out": "\(path)/b/x", "last": "\(path)/c/x"]
        #expect(try errorText(inputs, outputs, [("app", "out"), ("other", "last")]) == "no error")
        let findings = try checkAgent(
            try settings(inputs, outputs, [("app", "out"), ("other", "last")]), parts: .all, log: .silent)
        #expect(findings.problemCount == 0)
        #expect(findings.lines.map(\.text).contains("input other reads \(path)/b/x, which output out writes"))
        // Nobody reads, or nobody writes.
        #expect(try errorText(inputs, ["out": "\(path)/a/x"], []) == "no error")
        #expect(try errorText(inputs, ["out": "\(path)/a/x", "last": "\(path)/c/x"], [("app", "last")]) == "no error")
    }

    @Test func throughSymbolicLinks() throws {
        try directory.write("real/out.log", "")
        try FileManager.default.createSymbolicLink(atPath: "\(path)/link", withDestinationPath: "\(path)/real")
        try FileManager.default.createSymbolicLink(atPath: "\(path)/x.txt", withDestinationPath: "\(path)/real/out.log")
        for (input, output) in [
            ("link/*.log", "real/out.log"), ("real/*.log", "link/out.log"), ("*/*.log", "link/../real/out.log"),
            ("link/new.log", "real/new.log"), ("x.txt", "real/out.log"),
        ] {
            let text = try errorText(["app": "\(path)/\(input)"], ["out": "\(path)/\(output)"], [("app", "out")])
            #expect(text.hasPrefix(refusal(5, 0, "\(path)/\(output)")), "\(input) \(output) \(text)")
        }
    }

    @Test func theAgentsOwnState() throws {
        let text = try errorText(["app": "\(path)/**"], ["out": "/elsewhere/x"], [("app", "out")])
        #expect(
            text.hasPrefix(
                "agent.json:5:1: routes[0]: input app reads \(path)/state/cursors/app~out.cursor, "
                    + "which the agent itself writes: "), "\(text)")
    }

    /// `run` refuses, before it makes anything.
    @Test func theAgentDoesNotStart() throws {
        let settings = try settings(["app": "\(path)/*.log"], ["out": "\(path)/out.log"], [("app", "out")])
        let notifier = ServiceNotifier(environment: { _ in nil }, processID: 1, log: .silent)
        #expect(throws: StartError.self) {
            try RunningAgent(settings, parts: .all, notifier: notifier, log: .silent)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])
    }
}
