import Bytes
import Durable
import Glibc
import Logs
import Outputs
import Platform
import TestSupport
import Testing

@testable import Delivery

@Suite struct RouteTests {
    @Test func deliversEverythingOnceAndInOrder() throws {
        let world = try World()
        world.write(25_000)
        let route = try world.route()
        route.start()
        #expect(eventually { world.received.count == 25_000 })
        world.write(1)
        #expect(eventually { world.received.count == 25_001 })
        #expect(firstDifference(world.received, Array(0..<25_001)) == nil)
        #expect(eventually { route.status.recordsAcknowledged == 25_001 && route.status.batchesInFlight == 0 })
        #expect(route.status.recordsRead == 25_001)
        #expect(route.status.bytesRead == route.status.bytesAcknowledged)
        #expect(route.status.lagSeconds == 0)
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 25_001)
        #expect(world.with { $0.requests }.allSatisfy { $0.count <= 100 })
    }

    @Test func goesOnFromTheSavedCursor() throws {
        let world = try World()
        for total in 1...5 as ClosedRange<UInt64> {
            world.write(1_000)
            let route = try world.route()
            route.start()
            #expect(eventually { world.received.count == Int(total) * 1_000 })
            #expect(route.stopAndWait())
            #expect(world.savedCursor() == total * 1_000)
        }
        #expect(firstDifference(world.received, Array(0..<5_000)) == nil)
    }

    @Test func stopSendsWhatWasReadAndReadsNoMore() throws {
        let world = try World()
        world.with { $0.isBlocked = true }
        world.write(1_000)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.recordsRead == 300 })
        let flag = Flag()
        route.stop(drainUntil: .now + .seconds(20)) { flag.set() }
        world.with { $0.isBlocked = false }
        #expect(eventually { flag.isSet })
        #expect(firstDifference(world.received, Array(0..<300)) == nil)
        #expect(world.savedCursor() == 300)
        let again = Flag()
        route.stop(drainUntil: .now) { again.set() }
        #expect(eventually { again.isSet })
        #expect(flag.count == 1)
    }

    @Test func retriesForAsLongAsItTakes() throws {
        let world = try World()
        world.answer { _ in .retry(after: nil, reason: "503") }
        world.write(250)
        let route = try world.route()
        route.start()
        #expect(eventually { world.with { $0.requests.count } >= 4 })
        #expect(route.status.isRetrying)
        #expect(route.status.lastError == "503")
        #expect(route.status.retries >= 3)
        #expect(route.status.lagSeconds > 0)
        world.answer { _ in nil }
        #expect(eventually { world.received.count == 250 })
        #expect(firstDifference(world.received, Array(0..<250)) == nil)
        #expect(!route.status.isRetrying)
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 250)
    }

    @Test func stopDuringAnOutageIsQuickAndLeavesATrueCursor() throws {
        let world = try World()
        world.write(150)
        world.answer { $0.contains(149) ? .retry(after: .seconds(600), reason: "503") : nil }
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.isRetrying && route.status.recordsAcknowledged == 100 })
        let began = Instant.now
        #expect(route.stopAndWait(drain: .seconds(60)))
        #expect(Instant.now - began < .seconds(20))
        // It was tried once more.
        #expect(world.with { $0.requests.count } == 3)
        #expect(world.savedCursor() == 100)
        world.answer { _ in nil }
        let next = try world.route()
        next.start()
        #expect(eventually { world.received.count == 150 })
        #expect(next.stopAndWait())
        #expect(firstDifference(world.received, Array(0..<150)) == nil)
    }

    @Test func whatWaitsToBeTriedAgainIsTriedAtTheStop() throws {
        let world = try World()
        world.write(250)
        world.answer { _ in .retry(after: .seconds(600), reason: "503") }
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.isRetrying && route.status.batchesInFlight == 2 })
        world.answer { _ in nil }
        // Its next try is minutes behind this; all that was read arrives nevertheless.
        #expect(route.stopAndWait(drain: .seconds(20)))
        #expect(firstDifference(world.received, Array(0..<250)) == nil)
        #expect(world.savedCursor() == 250)
    }

    @Test func aDeliveryThatHangsDoesNotHoldTheStopUp() throws {
        let world = try World()
        world.write(100)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.recordsAcknowledged == 100 })
        world.with { $0.isBlocked = true }
        world.write(500)
        #expect(eventually { route.status.recordsRead == 400 })
        #expect(eventually { Instant.now - route.lastProgress > .milliseconds(20) })
        #expect(route.stopAndWait(drain: .milliseconds(100)))
        #expect(world.savedCursor() == 100)
        world.with { $0.isBlocked = false }
        // What arrives late does not move the cursor any more.
        #expect(eventually { world.received.count == 200 })
        #expect(world.savedCursor() == 100)
    }

    @Test func aCulpritIsFoundAndItsNeighboursAreDelivered() throws {
        let world = try World()
        world.answer { $0.contains(where: { $0 % 97 == 5 }) ? .rejected(reason: "400 bad") : nil }
        world.write(1_000)
        let route = try world.route()
        route.start()
        let bad = (0..<1_000 as Range<UInt64>).filter { $0 % 97 == 5 }
        let good = (0..<1_000 as Range<UInt64>).filter { $0 % 97 != 5 }
        #expect(eventually { route.status.recordsAcknowledged == good.count && route.status.batchesInFlight == 0 })
        #expect(firstDifference(world.received, good) == nil)
        #expect(route.status.recordsRejected == UInt64(bad.count))
        #expect(route.status.recordsDropped.isEmpty)
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 1_000)
        let lines = world.rejectedLines()
        let records = try lines.map { try parseJSON([UInt8]($0.utf8))["record"] }
        #expect(records.map { $0?["message"]?.string } == bad.map { String($0) })
        // With all that the receiver would have had.
        for (key, value) in [("host", "web1"), ("input", "in"), ("team", "a")] {
            #expect(records.allSatisfy { $0?[key]?.string == value }, "\(key)")
        }
    }

    @Test func aRejectedDocumentIsKeptWhateverItIs() throws {
        var json = RecordJSON(
            OutputContext(inputName: "in", fields: [], hostName: "web1", log: .silent))
        for (text, kept) in [
            (#"{"a":1}"#, #"{"a":1}"#), ("{\n}", "{ }"), (#"{"a":"#, #""{\"a\":""#), ("", #""""#),
            ("\u{FF}", "\"\u{FF}\""),
        ] {
            var batch = LogBatch()
            let bytes = Array(text.utf8)
            batch.append(
                bytes, 0..<bytes.count, fields: 0..<0, at: 0, next: Position(source: 0, offset: 1), isDocument: true)
            #expect(String(decoding: rejectedRecord(of: batch, 0, &json), as: UTF8.self) == kept)
        }
    }

    @Test func tooLargeIsHalved() throws {
        let world = try World()
        world.answer { $0.count > 7 || $0.contains(33) ? .tooLarge(reason: "413") : nil }
        world.write(200)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.recordsAcknowledged == 199 })
        #expect(firstDifference(world.received, (0..<200).filter { $0 != 33 }) == nil)
        #expect(route.status.recordsRejected == 1)
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 200)
    }

    /// Odd and even numbers to two places, the latest first.
    @Test func aDividedBatchIsAcknowledgedAsAWhole() throws {
        let world = try World()
        world.with { state in
            state.divide = { batch in
                var records = Array(batch.records.reversed())
                records = records.filter { $0.next.offset % 2 == 0 } + records.filter { $0.next.offset % 2 == 1 }
                batch.exchangeRecords(with: &records)
                let middle = batch.records.count / 2
                return [
                    Shipment(records: 0..<middle, destination: Destination(["odd"])),
                    Shipment(records: middle..<batch.records.count, destination: Destination(["even"])),
                ]
            }
        }
        world.answer { $0.contains(50) && $0.count > 1 ? .rejected(reason: "400") : nil }
        world.write(1_000)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.recordsAcknowledged == 1_000 && route.status.batchesInFlight == 0 })
        #expect(firstDifference(world.received.sorted(), Array(0..<1_000)) == nil)
        let (requests, destinations) = world.with { ($0.requests, $0.destinations) }
        for (request, destination) in zip(requests, destinations) {
            let remainder: UInt64 = destination == Destination(["odd"]) ? 1 : 0
            #expect(request.allSatisfy { $0 % 2 == remainder })
        }
        #expect(world.with { $0.acknowledged.allSatisfy { $0 % 100 == 0 } })
        #expect(route.status.bytesRead == route.status.bytesAcknowledged)
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 1_000)
    }

    @Test func ofARequestTakenInPartOnlyTheRestIsTriedAgain() throws {
        let world = try World()
        let tries = Flag()
        world.with { state in
            state.refuse = { numbers in
                defer { tries.set() }
                return numbers.indices.compactMap { index in
                    switch numbers[index] {
                    case 10 where tries.count == 0, 11 where tries.count == 0, 40 where tries.count == 0:
                        RefusedRecord(index: index, reason: "busy", fate: .tryAgain)
                    case 20: RefusedRecord(index: index, reason: "bad", fate: .putAside)
                    case 30: RefusedRecord(index: index, reason: "too_old", fate: .lost)
                    default: nil
                    }
                }
            }
        }
        world.write(100)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.recordsAcknowledged == 98 && route.status.batchesInFlight == 0 })
        #expect(firstDifference(world.received.sorted(), (0..<100).filter { $0 != 20 && $0 != 30 }) == nil)
        #expect(world.rejectedLines().count == 1)
        #expect(route.status.recordsRejected == 1)
        #expect(route.status.recordsDropped.map(\.reason) == ["too_old"])
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 100)
    }

    @Test func aHalfThatMustBeTriedAgainIsNotSentTwice() throws {
        let world = try World()
        let failures = Flag()
        world.answer { numbers in
            if numbers.contains(42) { return .rejected(reason: "400") }
            if numbers.first == 43, failures.count < 2 {
                failures.set()
                return .retry(after: nil, reason: "503")
            }
            return nil
        }
        world.write(100)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.recordsAcknowledged == 99 })
        #expect(firstDifference(world.received, (0..<100).filter { $0 != 42 }) == nil)
        #expect(failures.count == 2)
        #expect(route.stopAndWait())
    }

    @Test func whatCannotBeKeptIsCounted() throws {
        let world = try World()
        try HostDisk().write([], to: "\(world.directory)/rejected")
        world.answer { $0.contains(3) ? .rejected(reason: "400") : nil }
        world.write(10)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.recordsAcknowledged == 9 })
        #expect(route.status.recordsDropped.map(\.reason) == ["rejected_store_failed"])
        #expect(route.status.recordsDropped.map(\.count) == [1])
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 10)
    }

    /// The receiver hangs while there is more to read than may be under way, and the wake descriptor stays readable.
    @Test(arguments: [1, 2, 4]) func inFlightIsHeldWithoutSpinning(limit: Int) throws {
        let world = try World()
        world.with { $0.isBlocked = true }
        world.write(10_000)
        let route = try world.route { $0.inFlight = limit }
        route.start()
        let held = UInt64(limit + 1) * 100
        #expect(eventually { route.status.recordsRead == held })
        #expect(route.status.batchesInFlight == limit)
        world.write(10)
        // Turns of the reading worker, each of which a spin would have used to read or wake: its queue is serial.
        for _ in 0..<100 {
            route.reading.runAndWait { _ in }
            usleep(1_000)
        }
        #expect(world.readCalls <= limit + 2)
        #expect(route.reading.runAndWait { $0.watch == nil })
        #expect(route.status.recordsRead == held)
        world.with { $0.isBlocked = false }
        #expect(eventually { world.received.count == 10_010 })
        #expect(firstDifference(world.received, Array(0..<10_010)) == nil)
        #expect(route.stopAndWait())
    }

    @Test func atRestNothingIsReadAndNoTimerRuns() throws {
        let world = try World()
        world.with { $0.retryAt = .seconds(1_000_000_000_000) }
        world.write(1)
        let route = try world.route()
        route.start()
        #expect(eventually { world.savedCursor() == 1 })
        // Housekeeping, once more at the most.
        #expect(eventually { route.reading.runAndWait { $0.housekeepingDue == nil } })
        let calls = world.readCalls
        usleep(300_000)
        #expect(world.readCalls == calls)
        #expect(route.lastProgress.nanoseconds + 1_000_000_000 > Instant.now.nanoseconds)
        #expect(route.stopAndWait())
    }

    @Test func aTimerWakesAnInputWithoutDescriptor() throws {
        let world = try World(withPipe: false)
        world.with { $0.retryAt = .milliseconds(5) }
        let route = try world.route()
        route.start()
        for count in 1...10 as ClosedRange<UInt64> {
            world.write(1)
            #expect(eventually { world.received.count == count })
        }
        #expect(firstDifference(world.received, Array(0..<10)) == nil)
        #expect(route.stopAndWait())
    }

    @Test func aFailingDiskIsReportedAndTriedAgain() throws {
        let world = try World()
        try HostDisk().write([], to: "\(world.directory)/cursors")
        world.write(100)
        let route = try world.route()
        route.start()
        #expect(eventually { route.status.cursorSaveFailures >= 2 })
        #expect(world.received.count == 100)
        world.write(100)
        #expect(eventually { world.received.count == 200 })
        try removeFile("\(world.directory)/cursors")
        #expect(eventually { world.savedCursor() == 200 })
        #expect(route.stopAndWait())
    }

    @Test func theCursorIsSavedTenTimesASecondAtMost() throws {
        let world = try World()
        let route = try world.route { $0.batchRecords = 1 }
        route.start()
        let began = Instant.now
        var versions: Set<UInt64> = []
        while Instant.now - began < .milliseconds(2_500) {
            world.write(1)
            if let saved = world.savedCursor() { versions.insert(saved) }
            usleep(2_000)
        }
        #expect(versions.count <= 27)
        #expect(versions.count >= 2)
        // A stop reads no more.
        #expect(eventually { UInt64(world.received.count) == world.with { $0.available } })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == world.with { $0.available })
    }

    @Test func aTrickleTravelsTogether() throws {
        let world = try World()
        let route = try world.route()
        route.start()
        for _ in 0..<300 {
            world.write(1)
            usleep(1_000)
        }
        // Nothing wakes the reading side for the last of it: it comes by itself.
        #expect(eventually { world.received.count == 300 })
        #expect(firstDifference(world.received, Array(0..<300)) == nil)
        #expect(eventually { world.savedCursor() == 300 })
        // Of a machine that is busy, a second or more may pass between two lines.
        #expect(world.with { $0.requests.count } < 200)
        // And then it rests.
        var calls = world.readCalls
        #expect(
            eventually {
                defer { calls = world.readCalls }
                usleep(100_000)
                return calls == world.readCalls
            })
        #expect(route.stopAndWait())
    }

    /// Batches and bodies travel to the sender and back: after the first few rounds, in the same memory.
    @Test func buffersAreKept() throws {
        let world = try World()
        world.write(50_000)
        let route = try world.route()
        route.start()
        #expect(eventually { world.received.count == 50_000 })
        let addresses = world.with { $0.bodyAddresses }
        #expect(addresses.count == 500)
        // Numbers grow from one digit to five, so the first bodies do as well.
        #expect(Set(addresses.dropFirst(120)).count <= RouteOptions().inFlight)
        #expect(route.stopAndWait())
    }

    @Test func aRouteThatStoppedIsFreed() throws {
        let world = try World()
        world.write(10)
        weak var gone: Route?
        do {
            let route = try world.route()
            gone = route
            route.start()
            #expect(eventually { world.received.count == 10 })
            #expect(route.stopAndWait(drain: .milliseconds(100)))
        }
        #expect(eventually { gone == nil })
    }
}
