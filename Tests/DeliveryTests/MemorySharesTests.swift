// Batches of all routes together stay under the limit, whatever their number and their settings.

import Outputs
import Testing

@testable import Delivery

@Suite struct MemorySharesTests {
    private func options(bytes: Int = 512 << 10, records: Int = 10_000, inFlight: Int = 2) -> RouteOptions {
        var options = RouteOptions(BatchDefaults(haveLanes: true))
        (options.batchBytes, options.batchRecords, options.inFlight) = (bytes, records, inFlight)
        return options
    }

    private func options(lines: Int, bytes: Int = 512 << 10) -> RouteOptions {
        var options = options(bytes: bytes)
        options.recordBytes = lines
        return options
    }

    private func memory(_ routes: [RouteOptions]) -> Int { routes.reduce(0) { $0 + $1.memory } }

    @Test func aFewRoutesHaveWhatIsSet() throws {
        let shared = try #require(RouteOptions.share(64 << 20, among: Array(repeating: options(), count: 7)))
        #expect(shared.allSatisfy { $0.batchBytes == 512 << 10 && $0.batchRecords == 10_000 })
        #expect(RouteOptions.share(0, among: [])?.isEmpty == true)
    }

    @Test(arguments: [8, 10, 100, 900]) func manyRoutesShareEvenly(count: Int) throws {
        let shared = try #require(RouteOptions.share(64 << 20, among: Array(repeating: options(), count: count)))
        #expect(memory(shared) <= 64 << 20)
        // Nearly all of it is used.
        #expect(memory(shared) > 60 << 20)
        #expect(Set(shared.map(\.batchRecords)).count <= 2 && shared[0].batchBytes < 512 << 10)
        #expect(shared.allSatisfy { $0.batchBytes >= 4 << 10 && $0.batchRecords >= 64 })
    }

    @Test func whatOneDoesNotNeedGoesToTheOthers() throws {
        let small = options(bytes: 8 << 10, records: 100)
        let routes = Array(repeating: small, count: 50) + Array(repeating: options(bytes: 16 << 20), count: 2)
        let shared = try #require(RouteOptions.share(64 << 20, among: routes))
        #expect(shared.prefix(50).allSatisfy { $0.batchBytes == 8 << 10 && $0.batchRecords == 100 })
        #expect(shared[50].batchBytes > 1 << 20 && abs(shared[50].batchBytes - shared[51].batchBytes) <= 1)
        #expect(memory(shared) <= 64 << 20 && memory(shared) > 60 << 20)
    }

    @Test func aGreedyRouteTakesNothingFromTheOthers() throws {
        let greedy = options(bytes: 16 << 20, records: 100_000, inFlight: 16)
        let shared = try #require(RouteOptions.share(64 << 20, among: [greedy, options(), options(), options()]))
        #expect(shared.dropFirst().allSatisfy { $0.batchBytes == 512 << 10 })
        #expect(shared[0].batchBytes < 1 << 20 && shared[0].inFlight == 16)
        #expect(memory(shared) <= 64 << 20)
    }

    @Test func tooLittleIsSaid() {
        let routes = Array(repeating: options(), count: 100) + [options(inFlight: 16), options(bytes: 1 << 10)]
        let least = RouteOptions.leastMemory(of: routes)
        #expect(RouteOptions.plan(least - 1, for: routes) == nil)
        #expect(RouteOptions.plan(least, for: routes).map { memory($0.routes) + $0.reserveBytes } == least)
        // Each limit above it will do.
        for limit in stride(from: least, to: 700 << 20, by: 3_333_333) {
            let plan = RouteOptions.plan(limit, for: routes)
            #expect(plan.map { memory($0.routes) + $0.reserveBytes <= limit } == true)
        }
    }

    @Test func moreIsNeverWorse() throws {
        let routes = (1...40).map { options(bytes: $0 << 15, records: 500 * $0, inFlight: 1 + $0 % 5) }
        var before = try #require(RouteOptions.share(8 << 20, among: routes))
        for limit in 9..<1_000 {
            let after = try #require(RouteOptions.share(limit << 20, among: routes))
            #expect(zip(before, after).allSatisfy { $0.batchBytes <= $1.batchBytes + 1 })
            before = after
        }
        #expect(before.map(\.batchBytes) == routes.map(\.batchBytes))
    }

    // MARK: The reserve

    @Test func whereAllRecordsFitThereNeedBeNoReserve() throws {
        let routes = Array(repeating: options(lines: 256 << 10), count: 6)
        let plan = try #require(RouteOptions.plan(64 << 20, for: routes))
        #expect(plan.routes.map(\.batchBytes) == routes.map(\.batchBytes))
        #expect(plan.reserveBytes == 64 << 20 - memory(plan.routes))
    }

    @Test func aRouteWithOneLaneHasOneBody() {
        var options = RouteOptions()
        options.batchBytes = 512 << 10
        let one = options.memory
        options.inFlight = 3
        #expect(options.laneCount == 1 && options.memory - one < 2 << 20)
        #expect(self.options(inFlight: 3).laneCount == 3 && self.options(inFlight: 3).memory > options.memory + 4 << 20)
    }

    @Test(arguments: [7, 20, 80, 400]) func sharesAndReserveAreWithinTheLimit(count: Int) throws {
        let routes = Array(repeating: options(lines: 2 << 20), count: count)
        let plan = try #require(RouteOptions.plan(64 << 20, for: routes))
        #expect(memory(plan.routes) + plan.reserveBytes <= 64 << 20)
        // Room for two of the largest at once, however they are sent.
        #expect(plan.reserveBytes >= 2 * 3 * 2 << 20)
    }

    @Test func aReserveThatHasNoRoomForTheLargestIsAnError() {
        let routes = Array(repeating: options(lines: 1 << 10), count: 20) + [options(lines: 4 << 20)]
        let least = RouteOptions.leastMemory(of: routes)
        #expect(least > 12 << 20)
        #expect(RouteOptions.plan(least - 1, for: routes) == nil)
        for limit in stride(from: least, to: 300 << 20, by: 1_234_567) {
            let plan = RouteOptions.plan(limit, for: routes)
            #expect(plan.map { memory($0.routes) + $0.reserveBytes <= limit } == true)
        }
    }

    @Test func whatCannotBeHeldBackIsPartOfTheShare() throws {
        var journal = options(lines: 512 << 10)
        let before = journal.memory
        journal.mayPassLimit = true
        // Each of its batches may hold one record more, and so may each body.
        #expect(journal.memory == before + (4 + 2 * 2) * 512 << 10)
        #expect(try #require(RouteOptions.plan(64 << 20, for: [journal])).routes[0].batchBytes == 512 << 10)
    }
}
