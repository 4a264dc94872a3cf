// A route that joins lines: what is held back is not acknowledged, and is flushed when its time is over.

import Inputs
import Logs
import Platform
import Settings
import TestSupport
import Testing

@testable import Delivery

@Suite struct AssemblyRouteTests {
    @Test func aCursorStandsBeforeWhatIsHeld() throws {
        let world = try World()
        world.write(25)
        let settings = #"{ "multiline": { "start": "0$", "timeout": "1h" }, "filters": [ { "exclude": "\\n" } ] }"#
        let route = try world.route(pipeline: settings)
        route.start()
        #expect(eventually { world.savedCursor() == 20 })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 20, "what is held is read again after a start")
        #expect(route.status.recordsDropped.map(\.count) == [2])

        let again = try world.route(pipeline: settings)
        world.write(10)
        again.start()
        #expect(eventually { world.savedCursor() == 30 })
        #expect(again.stopAndWait())
    }

    @Test func whatIsHeldGoesWhenItsTimeIsOver() throws {
        let world = try World()
        world.write(25)
        let route = try world.route(
            pipeline: #"{ "multiline": { "start": "0$", "timeout": "50ms" }, "filters": [ { "exclude": "\\n" } ] }"#)
        route.start()
        #expect(eventually { world.savedCursor() == 25 })
        #expect(
            eventually { route.status.reading.counts.contains { $0.reason == "multiline_timeout" && $0.count == 1 } })
        #expect(route.stopAndWait())
    }

    /// More comes out at once than fits: what is ready waits for the next batch, and no record is lost.
    @Test func smallBatchesHoldAllThatIsReady() throws {
        let world = try World()
        world.write(1_000)
        // Nothing is joined: each line is held until the next one shows that.
        let route = try world.route(pipeline: #"{ "multiline": { "continue": "x", "timeout": "20ms" } }"#) {
            $0.batchRecords = 3
        }
        route.start()
        #expect(eventually { world.received.count == 1_000 })
        #expect(firstDifference(world.received, Array(0..<1_000)) == nil)
        #expect(world.with { $0.requests }.allSatisfy { $0.count <= 3 })
        #expect(eventually { world.savedCursor() == 1_000 })
        #expect(route.stopAndWait())
    }

    @Test(arguments: [
        (#"{ "format": "dokcer" }"#, "inputs.in.format: expected one of \"plain\", \"docker\", \"cri\""),
        (#"{ "kubernetes": 1 }"#, "inputs.in.kubernetes: expected true or false"),
        (#"{ "multiline": true }"#, "inputs.in.multiline: expected an object"),
        (#"{ "multiline": {} }"#, "inputs.in.multiline: expected one of \"start\", \"continue\""),
        (#"{ "multiline": { "timeout": "1s" } }"#, "inputs.in.multiline: expected one of \"start\""),
        (#"{ "multiline": { "strat": "a" } }"#, "inputs.in.multiline.strat: unknown key, did you mean \"start\"?"),
        (#"{ "multiline": { "start": "(" } }"#, "inputs.in.multiline.start: missing closing parenthesis"),
        (#"{ "multiline": { "start": "a", "end": "b" } }"#, "inputs.in.multiline.end: \"start\" is set already"),
        (#"{ "multiline": { "indent": false } }"#, "inputs.in.multiline.indent: expected true"),
        (#"{ "multiline": { "preset": "ruby" } }"#, "inputs.in.multiline.preset: expected one of \"python\""),
        (#"{ "multiline": { "indent": true, "max_lines": 1 } }"#, "inputs.in.multiline.max_lines: expected a whole"),
        (#"{ "multiline": { "indent": true, "max_bytes": "1" } }"#, "inputs.in.multiline.max_bytes: expected"),
        (#"{ "multiline": { "indent": true, "timeout": 5 } }"#, "inputs.in.multiline.timeout: expected a duration"),
        (#"{ "multiline": { "indent": true, "timeuot": "5s" } }"#, "inputs.in.multiline.timeuot: unknown key"),
    ])
    func wrongSettingsAreRefusedAtTheirKey(settings: String, words: String) throws {
        let world = try World()
        do {
            _ = try world.route(pipeline: settings)
            Issue.record("was accepted")
        } catch { #expect("\(error)".contains(words), "\(error)") }
    }

    @Test(arguments: [
        "{}", #"{ "format": "plain" }"#, #"{ "format": "plain", "kubernetes": false }"#,
    ])
    func nothingAskedForIsNoPipeline(settings: String) throws {
        var section = try section(settings, path: "inputs.in")
        let pipeline = try RecordPipeline(&section)
        #expect(pipeline.isEmpty)
    }
}
