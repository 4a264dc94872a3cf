// A route with a pipeline: what is left out is counted, and the cursor goes past it.

import Platform
import TestSupport
import Testing

@testable import Delivery

@Suite struct PipelineRouteTests {
    @Test func whatIsLeftOutIsCountedAndAcknowledged() throws {
        let world = try World()
        world.write(10_000)
        let route = try world.route(pipeline: #"{ "filters": [ { "exclude": "[13579]$" }, { "include": "." } ] }"#)
        route.start()
        #expect(eventually { world.received.count == 5_000 })
        #expect(world.received == Array(stride(from: 0, to: 10_000, by: 2)))
        #expect(eventually { route.status.recordsDropped.first?.count == 5_000 })
        #expect(route.status.recordsDropped.map(\.reason) == ["filter"])
        #expect(route.status.recordsRead == 10_000)
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 10_000)
        #expect(world.with { $0.requests }.allSatisfy { $0.count <= 100 })
    }

    @Test func theCursorMovesThoughNothingIsSent() throws {
        let world = try World()
        world.write(3_000)
        let route = try world.route(pipeline: #"{ "filters": [ { "include": "x" } ] }"#)
        route.start()
        #expect(eventually { world.savedCursor() == 3_000 })
        #expect(route.stopAndWait())
        #expect(world.received == [])
    }

    /// What comes after a record under way must not be acknowledged before it.
    @Test func whatIsLeftOutWaitsForWhatIsUnderWay() throws {
        let world = try World()
        world.with { $0.isBlocked = true }
        world.write(10)
        let route = try world.route(pipeline: #"{ "filters": [ { "include": "^[0-9]$" } ] }"#)
        route.start()
        #expect(eventually { route.status.batchesInFlight == 1 })
        world.write(500)
        #expect(eventually { route.status.recordsRead == 510 })
        #expect(world.with { $0.acknowledged } == [])
        world.with { $0.isBlocked = false }
        #expect(eventually { world.with { $0.acknowledged.last } == 510 })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 510)
        #expect(world.received == Array(0..<10))
    }

    @Test(arguments: [
        (#"{ "filters": [ { "exclude": "(" } ] }"#, "filters[0].exclude"),
        (#"{ "filters": [ { } ] }"#, "expected one of \"include\", \"exclude\""),
        (#"{ "filters": [ { "include": "a", "exclude": "b" } ] }"#, "expected one of \"include\", \"exclude\""),
        (#"{ "filters": [ { "exlude": "b" } ] }"#, "exlude"),
    ])
    func wrongFiltersAreRefused(settings: String, words: String) throws {
        let world = try World()
        do {
            _ = try world.route(pipeline: settings)
            Issue.record("was accepted")
        } catch { #expect("\(error)".contains(words), "\(error)") }
    }
}
