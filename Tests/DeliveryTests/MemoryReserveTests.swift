// The reserve that all routes share: never more than there is, and everybody gets his turn.

import Bytes
import Outputs
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite struct MemoryReserveTests {
    /// Each its own output, unless it is said; those from 10 on are proven.
    private func reserve() -> MemoryReserve {
        var reserve = MemoryReserve(limit: 100)
        for output in 10..<30 { _ = reserve.note(output, isProven: true) }
        return reserve
    }

    private func granted(_ reserve: inout MemoryReserve, _ asks: (Int, Int)..., output: Int? = nil) -> [Int] {
        for (borrower, bytes) in asks { reserve.ask(borrower, output: output ?? borrower, bytes: bytes) }
        return reserve.grant()
    }

    @Test func firstComeFirstServed() {
        var reserve = reserve()
        #expect(granted(&reserve, (11, 60), (12, 50), (13, 10)) == [11])
        // The third would fit, and waits: else small ones could keep a large one waiting for ever.
        #expect(reserve.grant() == [] && reserve.lentBytes == 60 && reserve.waitingCount == 2)
        reserve.giveBack(11)
        #expect(reserve.grant() == [12, 13])
        #expect(reserve.lentBytes == 60)
    }

    @Test func thoseInTroubleLeaveHalfToTheOthers() {
        var reserve = reserve()
        #expect(granted(&reserve, (1, 30), (2, 20), (3, 10)) == [1, 2])
        #expect(granted(&reserve, (14, 25), (15, 25), (16, 25)) == [14, 15])
        // And get their own half, whoever else waits.
        reserve.giveBack(1)
        #expect(reserve.grant() == [3])
        reserve.giveBack(14)
        #expect(reserve.grant() == [16])
    }

    @Test func thoseThatAreWellLeaveRoomForOthersThatWait() {
        var reserve = reserve()
        #expect(granted(&reserve, (11, 40), (12, 40)) == [11, 12])
        #expect(granted(&reserve, (3, 40), (14, 40)) == [])
        reserve.giveBack(11)
        #expect(reserve.grant() == [3])
        reserve.giveBack(12)
        #expect(reserve.grant() == [14])
    }

    @Test func oneFindsOutHowAnOutputIs() {
        var reserve = reserve()
        #expect(granted(&reserve, (1, 10), (2, 10), (3, 10), output: 5) == [1])
        #expect(granted(&reserve, (4, 10), output: 6) == [4])
        // It fails: the next tries. It is answered: all go.
        #expect(reserve.note(5, isProven: false) == false)
        reserve.giveBack(1)
        #expect(reserve.grant() == [2])
        #expect(reserve.note(5, isProven: true) == true && reserve.grant() == [3])
        #expect(reserve.note(5, isProven: true) == false)
        #expect(reserve.note(5, isProven: false) == true)
    }

    @Test func whatIsMoreThanThereIsGoesAlone() {
        var reserve = reserve()
        #expect(granted(&reserve, (11, 10), (12, 500), (13, 10)) == [11])
        reserve.giveBack(11)
        #expect(reserve.grant() == [12])
        reserve.giveBack(12)
        #expect(reserve.grant() == [13])
    }

    @Test func aLoanIsChangedWhenWhatIsNeededIsKnown() {
        var reserve = reserve()
        #expect(granted(&reserve, (11, 60), (12, 40), (13, 30)) == [11, 12])
        #expect(reserve.change(12, to: 50) == false && reserve.lentBytes == 100)
        #expect(reserve.change(11, to: 20) == true && reserve.grant() == [13])
        #expect(reserve.change(12, to: 50) == true && reserve.lentBytes == 100)
        // Who has nothing gets nothing by it.
        #expect(reserve.change(9, to: 1) == false)
        // Beyond the half of its kind only while none of the other kind waits.
        reserve.ask(4, output: 4, bytes: 40)
        reserve.giveBack(13)
        _ = reserve.grant()
        #expect(reserve.change(12, to: 60) == false)
    }

    /// What a route does, with receivers that take any time to answer; told apart by nothing but what they do.
    private struct Borrower {
        let output: Int
        var isWaiting = false
        var hasLoan = false
        var turns = 0
    }

    @Test(arguments: 0..<20) func neverOverTheLimitAndEverybodyMakesProgress(run: Int) {
        var random = SeededRandom(seed: SeededRandom.seed &+ UInt64(run))
        let limit = Int.random(in: 50...1_000, using: &random)
        var reserve = MemoryReserve(limit: limit)
        let outputs = Int.random(in: 1...10, using: &random)
        var borrowers = (0..<Int.random(in: 1...60, using: &random)).map { Borrower(output: $0 % outputs) }
        var steps = 0
        while let least = borrowers.map(\.turns).min(), least < 20 {
            steps += 1
            guard steps < 200_000 else {
                Issue.record("somebody waits for ever: \(borrowers.map(\.turns))")
                return
            }
            let index = Int.random(in: borrowers.indices, using: &random)
            if borrowers[index].hasLoan {
                switch Int.random(in: 0..<4, using: &random) {
                case 0: _ = reserve.change(index, to: Int.random(in: 1...limit, using: &random))
                case 1...2:
                    reserve.giveBack(index)
                    borrowers[index].hasLoan = false
                    borrowers[index].turns += 1
                    _ = reserve.note(borrowers[index].output, isProven: Bool.random(using: &random))
                default: break
                }
            } else if !borrowers[index].isWaiting {
                // Now and then for more than there is.
                let bytes = Int.random(in: 1...(steps % 50 == 0 ? 2 * limit : limit), using: &random)
                reserve.ask(index, output: borrowers[index].output, bytes: bytes)
                borrowers[index].isWaiting = true
            }
            for granted in reserve.grant() {
                if !borrowers[granted].isWaiting || borrowers[granted].hasLoan { Issue.record("granted twice") }
                (borrowers[granted].isWaiting, borrowers[granted].hasLoan) = (false, true)
            }
            if reserve.lentBytes > limit, borrowers.count(where: \.hasLoan) > 1 {
                Issue.record("\(reserve.lentBytes) of \(limit)")
                return
            }
        }
    }
}

/// Routes that borrow, with an input and an output in memory.
@Suite struct RouteBorrowingTests {
    private func account(_ world: World, _ reserve: SharedReserve, _ number: Int) -> ReserveAccount {
        ReserveAccount(reserve, number: number, output: number, directory: "\(world.directory)/parked")
    }

    private func route(_ world: World, _ reserve: SharedReserve, _ number: Int = 0, stages: Bool = false) throws
        -> Route
    {
        let pipeline = stages ? #"{ "filters": [ { "exclude": "9$" } ] }"# : "{}"
        return try world.route(pipeline: pipeline, account: account(world, reserve, number)) { options in
            options.batchBytes = 64
            options.hasStages = stages
        }
    }

    @Test(arguments: [false, true]) func largeRecordsAreDeliveredInOrder(stages: Bool) throws {
        let world = try World()
        world.with { $0.length = { $0 % 7 == 3 ? 1_000 : 5 } }
        let reserve = SharedReserve(bytes: 32 << 10)
        let route = try route(world, reserve, stages: stages)
        route.start()
        world.write(100)
        let expected = (0..<100).filter { !stages || $0 % 10 != 9 }.map(UInt64.init)
        #expect(eventually(within: .seconds(60)) { world.received.count == expected.count })
        #expect(world.received == expected)
        #expect(eventually { reserve.lentBytes == 0 })
        // Each of them alone.
        #expect(world.with { $0.requests }.allSatisfy { $0.count == 1 || $0.allSatisfy { $0 % 7 != 3 } })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 100)
    }

    @Test func oneWhoseReceiverIsDownHoldsNothing() throws {
        let (down, well) = (try World(), try World())
        for world in [down, well] { world.with { $0.length = { _ in 1_000 } } }
        down.answer { _ in .retry(after: nil, reason: "down") }
        // For one record at a time.
        let reserve = SharedReserve(bytes: 6 << 10)
        let routes = [try route(down, reserve, 0), try route(well, reserve, 1)]
        for route in routes { route.start() }
        down.write(3)
        #expect(eventually { !down.with { $0.requests }.isEmpty })
        well.write(50)
        #expect(eventually(within: .seconds(60)) { well.received.count == 50 })
        #expect(down.received == [])
        down.answer { _ in nil }
        #expect(eventually(within: .seconds(120)) { down.received == [0, 1, 2] })
        #expect(eventually { reserve.lentBytes == 0 })
        for route in routes { #expect(route.stopAndWait()) }
        #expect(down.savedCursor() == 3 && well.savedCursor() == 50)
        // Nothing stays in the directory either.
        #expect(try textEntries("\(down.directory)/parked").isEmpty)
    }

    @Test func whatCannotBeParkedStaysInMemoryAndArrives() throws {
        let world = try World()
        world.with { $0.length = { _ in 1_000 } }
        let failures = Flag()
        world.answer { _ in
            failures.set()
            return failures.count < 3 ? .retry(after: nil, reason: "down") : nil
        }
        let reserve = SharedReserve(bytes: 6 << 10)
        // A file stands in the way.
        _ = try File(writing: "\(world.directory)/parked", .truncate)
        let route = try route(world, reserve)
        route.start()
        world.write(4)
        #expect(eventually(within: .seconds(60)) { world.received == [0, 1, 2, 3] })
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 4)
    }

    @Test func aStopWithARecordThatWaitsLosesNothing() throws {
        let world = try World()
        world.with { $0.length = { _ in 1_000 } }
        world.answer { _ in .retry(after: nil, reason: "down") }
        let reserve = SharedReserve(bytes: 6 << 10)
        let first = try route(world, reserve)
        first.start()
        world.write(5)
        #expect(eventually { world.with { $0.requests }.count >= 2 })
        #expect(first.stopAndWait(drain: .milliseconds(200)))
        world.answer { _ in nil }
        let second = try route(world, SharedReserve(bytes: 6 << 10))
        second.start()
        #expect(eventually(within: .seconds(60)) { world.received == [0, 1, 2, 3, 4] })
        #expect(second.stopAndWait())
    }

    /// With lanes, answers that fail now and then, and a reserve for one or two of them at a time.
    @Test(arguments: 0..<4) func manyRoutesOfWhichAllGetThere(run: Int) throws {
        let count: UInt64 = 40
        let reserve = SharedReserve(bytes: run % 2 == 0 ? 6 << 10 : 14 << 10)
        var random = SeededRandom(seed: SeededRandom.seed &+ UInt64(run))
        var worlds: [World] = []
        var routes: [Route] = []
        for number in 0..<8 {
            let world = try World()
            let (large, fails) = (UInt64.random(in: 1...9, using: &random), UInt64.random(in: 3...40, using: &random))
            let failed = Mutex(Set<UInt64>())
            world.with { state in
                state.hasLanes = true
                state.length = { $0 % large == 0 ? 700 + Int($0) : 3 }
            }
            world.answer { numbers in
                // Once each, so that it is over soon.
                let isNew = failed.withLock { $0.insert(numbers[0]).inserted }
                return isNew && numbers[0] % fails == 0 ? .retry(after: nil, reason: "now and then") : nil
            }
            let account = ReserveAccount(
                reserve, number: number, output: number % 3, directory: "\(world.directory)/parked")
            let route = try world.route(account: account) { options in
                options.batchBytes = 64
                options.inFlight = 3
            }
            route.start()
            world.write(count)
            worlds.append(world)
            routes.append(route)
        }
        for world in worlds {
            #expect(eventually(within: .seconds(120)) { world.with { Set($0.received).count } == Int(count) })
        }
        #expect(eventually { reserve.lentBytes == 0 })
        for route in routes { #expect(route.stopAndWait()) }
        #expect(worlds.allSatisfy { $0.savedCursor() == count })
    }
}
