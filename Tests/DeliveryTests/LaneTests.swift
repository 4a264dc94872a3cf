// Deliveries at the same time, with real queues.

import Inputs
import Logs
import Outputs
import Platform
import TestSupport
import Testing

@testable import Delivery

@Suite struct LaneTests {
    private func world() throws -> World {
        let world = try World()
        world.with { $0.hasLanes = true }
        return world
    }

    @Test(arguments: [2, 5, 16]) func asManyAsAllowedAreSentAtOnce(limit: Int) throws {
        let world = try world()
        world.with { $0.isBlocked = true }
        world.write(5_000)
        let route = try world.route { $0.inFlight = limit }
        route.start()
        #expect(eventually { world.with { $0.sending } == limit })
        #expect(route.status.batchesInFlight == limit)
        world.with { $0.isBlocked = false }
        #expect(eventually { route.status.recordsAcknowledged == 5_000 })
        #expect(firstDifference(world.received.sorted(), Array(0..<5_000)) == nil)
        #expect(world.with { $0.mostSending } == limit)
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 5_000)
    }

    @Test func aSlowDeliveryHoldsBackTheAcknowledgementsBehindIt() throws {
        let world = try world()
        world.with { $0.holds = { $0.contains(0) } }
        world.write(1_000)
        let route = try world.route { $0.inFlight = 3 }
        route.start()
        // The others arrive; nothing is acknowledged, and nothing is read beyond what may be under way.
        #expect(eventually { world.received.count == 200 })
        #expect(route.status.batchesInFlight == 3)
        #expect(world.with { $0.acknowledged.isEmpty })
        #expect(eventually { route.status.recordsRead == 400 })
        world.with { $0.holds = { _ in false } }
        #expect(eventually { world.received.count == 1_000 })
        #expect(route.stopAndWait())
        // The scripted input has looked that none of them went back.
        #expect(world.savedCursor() == 1_000)
        #expect(firstDifference(world.received.sorted(), Array(0..<1_000)) == nil)
    }

    @Test func aDeliveryThatWaitsDoesNotStopTheOthers() throws {
        let world = try world()
        world.answer { $0.contains(0) ? .retry(after: nil, reason: "503") : nil }
        world.write(300)
        let route = try world.route { $0.inFlight = 4 }
        route.start()
        #expect(eventually { world.received.count == 200 })
        #expect(eventually { world.with { $0.requests.count { $0.contains(0) } } >= 3 })
        #expect(route.status.isRetrying)
        #expect(world.with { $0.acknowledged.isEmpty })
        world.answer { _ in nil }
        #expect(eventually { world.received.count == 300 })
        #expect(eventually { !route.status.isRetrying })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 300)
    }

    @Test func manyLanesAskAReceiverThatIsDownNoMoreThanOne() throws {
        let world = try world()
        world.answer { _ in .retry(after: nil, reason: "503") }
        world.write(10_000)
        let route = try world.route { $0.inFlight = 16 }
        route.start()
        #expect(eventually { world.with { $0.requests.count } >= 20 })
        // Each lane may find out once; from there on it is one at a time.
        world.with { $0.mostSending = 0 }
        let before = world.with { $0.requests.count }
        #expect(eventually { world.with { $0.requests.count } >= before + 2 })
        #expect(world.with { $0.mostSending } == 1)
        world.answer { _ in nil }
        #expect(eventually(within: .seconds(90)) { world.received.count == 10_000 })
        #expect(firstDifference(world.received.sorted(), Array(0..<10_000)) == nil)
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 10_000)
    }

    @Test func manyPlacesAreServedBesideOneThatIsSlow() throws {
        let world = try world()
        world.with { state in
            state.divide = { batch in
                batch.records.indices.map {
                    Shipment(records: $0..<$0 + 1, destination: Destination(["\(batch.records[$0].next.offset % 10)"]))
                }
            }
            state.holds = { $0.contains(3) }
        }
        world.write(200)
        let route = try world.route { $0.inFlight = 2 }
        route.start()
        #expect(eventually { world.received.count == 199 })
        world.with { $0.holds = { _ in false } }
        #expect(eventually { route.status.recordsAcknowledged == 200 })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 200)
    }

    /// The other place is out of reach at first: who went on there is the one that finds out how it is, and nothing is
    /// tried beside it.
    @Test(arguments: [1, 3]) func whatAPlaceDoesNotTakeGoesToTheOther(laneCount: Int) throws {
        let world = try world()
        let place = Destination(["named"], or: ["own"])
        world.with { state in
            state.divide = { batch in
                batch.records.indices.map {
                    Shipment(records: $0..<$0 + 1, destination: $0 % 2 == 0 ? place : Destination(["own"]))
                }
            }
            state.answerOfFirstPlace = .goesElsewhere(reason: "not there")
        }
        let failures = Flag()
        world.answer { _ in
            guard failures.count < 5 else { return nil }
            failures.set()
            return .retry(after: .milliseconds(20), reason: "503")
        }
        world.write(100)
        let route = try world.route { $0.inFlight = laneCount }
        route.start()
        #expect(eventually(within: .seconds(90)) { route.status.recordsAcknowledged == 100 })
        #expect(firstDifference(world.received.sorted(), Array(0..<100)) == nil)
        let destinations = world.with(\.destinations)
        #expect(destinations.count { $0 == place } == 50)
        #expect(destinations.count { $0 == Destination(["own"]) } >= 100)
        #expect(route.status.recordsRejected == 0 && route.status.recordsDropped.isEmpty)
        #expect(
            eventually { route.status.reading.counts.contains { $0.reason == "log_group_refused" && $0.count == 50 } })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 100)
    }

    /// Two shipments to one place, and the first fails: what comes after it waits.
    @Test func withOneLaneTheOrderOfAPlaceIsKept() throws {
        let world = try World()
        world.with { state in
            state.divide = { batch in
                let middle = batch.records.count / 2
                return [0..<middle, middle..<batch.records.count].map {
                    Shipment(records: $0, destination: Destination())
                }
            }
        }
        let failures = Flag()
        world.answer { numbers in
            guard numbers.contains(100), failures.count < 3 else { return nil }
            failures.set()
            return .retry(after: nil, reason: "503")
        }
        world.write(1_000)
        let route = try world.route { $0.inFlight = 1 }
        route.start()
        #expect(eventually { world.received.count == 1_000 })
        #expect(firstDifference(world.received, Array(0..<1_000)) == nil)
        #expect(route.stopAndWait())
    }

    @Test func whatFailsForTooLongIsGivenUpCountedAndKept() throws {
        let world = try world()
        world.answer { $0.contains(5) ? .retry(after: nil, reason: "503") : nil }
        world.write(200)
        let route = try world.route { $0.giveUpAfter = .milliseconds(300) }
        route.start()
        #expect(eventually { world.received.count == 100 && route.status.batchesInFlight == 0 })
        #expect(route.status.recordsDropped.map(\.reason) == ["given_up"])
        #expect(route.status.recordsDropped.map(\.count) == [100])
        #expect(world.rejectedLines().count == 100)
        #expect(eventually { !route.status.isRetrying })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 200)
    }

    @Test func notAllowedIsSaidAndTriedAtTheStop() throws {
        let world = try world()
        world.answer { _ in .notAllowed(reason: "401 no token") }
        world.write(50)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.isNotAllowed })
        #expect(route.status.lastError == "401 no token")
        #expect(route.status.isRetrying)
        world.answer { _ in nil }
        #expect(route.stopAndWait())
        #expect(!route.status.isNotAllowed)
        #expect(world.savedCursor() == 50)
    }

    /// Batches travel to the lanes and back, in the same memory, whatever the order in which they end.
    @Test(arguments: [false, true]) func buffersAreKept(isDivided: Bool) throws {
        let world = try world()
        if isDivided {
            world.with { state in
                state.divide = { batch in
                    let middle = batch.records.count / 2
                    return [0..<middle, middle..<batch.records.count].map {
                        Shipment(records: $0, destination: Destination(["\($0.lowerBound)"]))
                    }
                }
            }
        }
        world.write(50_000)
        let route = try world.route { $0.inFlight = 3 }
        route.start()
        #expect(eventually { world.received.count == 50_000 })
        let (bodies, batches) = world.with { ($0.bodyAddresses, $0.batchAddresses) }
        // Numbers grow from one digit to five, so the first buffers do as well.
        #expect(Set(bodies.dropFirst(200)).count <= 3)
        #expect(Set(batches.dropFirst(150)).count <= 3 + 1)
        #expect(route.stopAndWait())
    }

    @Test func stopsWhileAllLanesHang() throws {
        let world = try world()
        world.with { $0.isBlocked = true }
        world.write(1_000)
        let route = try world.route { $0.inFlight = 4 }
        route.start()
        #expect(eventually { world.with { $0.sending } == 4 })
        #expect(route.stopAndWait(drain: .milliseconds(100)))
        world.with { $0.isBlocked = false }
        #expect(eventually { world.with { $0.sending } == 0 })
        #expect(world.savedCursor() ?? 0 == 0)
    }
}
