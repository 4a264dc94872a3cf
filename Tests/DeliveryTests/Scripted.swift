// An input and an output in memory, driven and watched by the test through one shared object.

import Bytes
import Durable
import Glibc
import Inputs
import Logs
import Outputs
import Platform
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Delivery

/// The world of one route: records 0, 1, 2 … each with its number as its text.
final class World: Sendable {
    struct State: Sendable {
        /// Records that are there to be read, from 0.
        var available: UInt64 = 0
        var readCalls = 0
        var acknowledged: [UInt64] = []
        var retryAt: Duration = .seconds(3_600)
        /// Numbers received, in order of arrival; and the sizes of the requests.
        var received: [UInt64] = []
        var requests: [[UInt64]] = []
        var bodyAddresses: [UInt] = []
        var answer: @Sendable ([UInt64]) -> DeliveryError? = { _ in nil }
        /// What is refused of a request that is taken.
        var refuse: @Sendable ([UInt64]) -> [RefusedRecord] = { _ in [] }
        /// How a batch is divided; nil for one request.
        var divide: (@Sendable (inout LogBatch) -> [Shipment])?
        /// What a place answers that has another beside it; nil when it takes records as any other.
        var answerOfFirstPlace: DeliveryError?
        /// Where each request went, in their order.
        var destinations: [Destination] = []
        /// Requests wait here while it is true; and those that hold a certain number.
        var isBlocked = false
        var holds: @Sendable ([UInt64]) -> Bool = { _ in false }
        /// Several lanes, each with an output like it.
        var hasLanes = false
        /// Requests at the same time: now, and at most.
        var sending = 0
        var mostSending = 0
        /// How long the text of a record is at least: zeros stand in front.
        var length: @Sendable (UInt64) -> Int = { _ in 0 }
        /// Where the bytes of each batch lay when it was divided.
        var batchAddresses: [UInt] = []
    }

    let state = Mutex(State())
    /// A pipe stands for the input's wake descriptor; -1 for none.
    let pipe: (read: Int32, write: Int32)
    private let ownDirectory: TemporaryDirectory
    var directory: String { ownDirectory.path }

    init(withPipe: Bool = true) throws {
        var descriptors: [Int32] = [-1, -1]
        if withPipe {
            #expect(Glibc.pipe(&descriptors) == 0)
            _ = fcntlNonblocking(descriptors[0])
        }
        pipe = (descriptors[0], descriptors[1])
        ownDirectory = try TemporaryDirectory()
    }

    deinit {
        if pipe.read >= 0 {
            close(pipe.read)
            close(pipe.write)
        }
    }

    func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value { state.withLock { body(&$0) } }

    func write(_ count: UInt64) {
        with { $0.available += count }
        var byte: UInt8 = 1
        if pipe.write >= 0 { _ = Glibc.write(pipe.write, &byte, 1) }
    }

    func answer(_ body: @escaping @Sendable ([UInt64]) -> DeliveryError?) { with { $0.answer = body } }

    var received: [UInt64] { with { $0.received } }
    var readCalls: Int { with { $0.readCalls } }

    /// What the cursor on the disk says: the first record that is not acknowledged.
    func savedCursor() -> UInt64? {
        var store = store()
        return store.load()?.single?["next"]?.unsigned
    }

    func store() -> CursorLog<HostCursorDisk> {
        CursorLog(stateDirectory: directory, input: "in", output: "out", disk: HostCursorDisk(), log: .silent)
    }

    /// A route that goes on where the cursor on the disk is.
    func route(
        pipeline settings: String = "{}", account: ReserveAccount? = nil,
        _ change: (inout RouteOptions) -> Void = { _ in }
    ) throws -> Route {
        var section = try section(settings, path: "inputs.in")
        let pipeline = try RecordPipeline(&section)
        var options = RouteOptions()
        options.batchRecords = 100
        change(&options)
        let resume = savedCursor() ?? 0
        let context = OutputContext(
            inputName: "in", fields: [(name: "team", value: "a")], hostName: "web1", log: .silent)
        return Route(
            input: ScriptedInput(self, from: resume), pipeline: pipeline, output: ScriptedOutput(self),
            status: RouteStatus(input: "in", inputType: "scripted", output: "out", outputType: "scripted"),
            options: options, cursors: store(),
            rejected: RejectedStore(stateDirectory: directory, output: "out", limits: options.rejected),
            json: RecordJSON(context), account: account, log: .silent)
    }

    func rejectedLines() -> [String] {
        guard let names = try? textEntries("\(directory)/rejected/out") else { return [] }
        return names.sorted().flatMap { name -> [String] in
            guard let bytes = try? readWhole("\(directory)/rejected/out/\(name)") else { return [] }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }
}

private func fcntlNonblocking(_ descriptor: Int32) -> Int32 { fcntl(descriptor, F_SETFL, O_NONBLOCK) }

struct ScriptedInput: OneEntryInput {
    static var type: String { "scripted" }

    private let world: World
    private var next: UInt64
    private var acknowledged: UInt64
    private(set) var cursorVersion: UInt64 = 0

    init(_ world: World, from start: UInt64) {
        self.world = world
        next = start
        acknowledged = start
    }

    init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError) {
        throw section.error("only made by tests")
    }

    var wakeDescriptor: Int32? { world.pipe.read >= 0 ? world.pipe.read : nil }

    mutating func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        var drained = [UInt8](repeating: 0, count: 4_096)
        if world.pipe.read >= 0 { _ = Glibc.read(world.pipe.read, &drained, drained.count) }
        let (available, again) = world.with { state in
            state.readCalls += 1
            return (state.available, state.retryAt)
        }
        while next < available {
            guard !batch.isFull else { return .notAtAll }
            var text: [UInt8] = []
            text.append(decimal: next)
            let number = next
            let zeros = max(0, world.with { $0.length }(number) - text.count)
            text.insert(contentsOf: repeatElement(UInt8(ascii: "0"), count: zeros), at: 0)
            guard batch.takes(text.count) else { return .notAtAll }
            next += 1
            batch.append(
                text, 0..<text.count, fields: 0..<0, at: now.unixNanoseconds, next: Position(source: 0, offset: next))
        }
        return .until(now.monotonic + again)
    }

    mutating func acknowledge(_ position: Position) {
        if position.offset < acknowledged { Issue.record("went back from \(acknowledged) to \(position.offset)") }
        acknowledged = position.offset
        cursorVersion += 1
        let offset = position.offset
        world.with { $0.acknowledged.append(offset) }
    }

    func writeCursor(into json: inout JSONWriter) {
        json.object { json in
            json.key("next")
            json.number(acknowledged)
        }
    }

    func status(at now: Moment) -> InputStatus {
        var status = InputStatus()
        status.lagBytes = next - acknowledged
        return status
    }

    mutating func check() -> CheckReport { CheckReport() }
}

/// Numbers, each with a space after it.
struct NumberEncoder: RecordEncoder {
    let world: World

    mutating func divide(_ batch: inout LogBatch) -> [Shipment] {
        let address = batch.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        world.with { $0.batchAddresses.append(address) }
        guard let divide = world.with({ $0.divide }) else {
            return [Shipment(records: 0..<batch.records.count, destination: Destination())]
        }
        return divide(&batch)
    }

    mutating func encode(_ batch: LogBatch, _ range: Range<Int>, into body: inout [UInt8]) -> Int {
        for record in batch.records[range] {
            body.append(contentsOf: batch.bytes[record.text.range])
            body.append(UInt8(ascii: " "))
        }
        return 0
    }
}

struct ScriptedOutput: Output {
    static var type: String { "scripted" }

    private let world: World

    init(_ world: World) { self.world = world }

    init(_ section: inout SettingsSection, _ context: OutputContext) throws(SettingsError) {
        throw section.error("only made by tests")
    }

    func forAnotherLane() -> sending ScriptedOutput? { world.with { $0.hasLanes } ? ScriptedOutput(world) : nil }

    func makeEncoder() -> any RecordEncoder { NumberEncoder(world: world) }

    mutating func deliver(
        _ body: [UInt8], recordCount: Int, to destination: Destination
    ) throws(DeliveryError) -> DeliveryOutcome {
        var cursor = ByteCursor(body)
        var numbers: [UInt64] = []
        while let number = cursor.unsigned(), cursor.skip(" ") { numbers.append(number) }
        #expect(numbers.count == recordCount)
        let sent = numbers
        let address = body.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        world.with { state in
            state.sending += 1
            state.mostSending = max(state.mostSending, state.sending)
        }
        defer { world.with { $0.sending -= 1 } }
        while world.with({ $0.isBlocked || $0.holds(sent) }) { usleep(1_000) }
        let (error, refused) = world.with { state in
            state.requests.append(sent)
            state.destinations.append(destination)
            state.bodyAddresses.append(address)
            let error = destination.other == nil ? state.answer(sent) : state.answerOfFirstPlace
            let refused = error == nil ? state.refuse(sent) : []
            let missing = Set(refused.map(\.index))
            if error == nil { state.received += sent.indices.filter { !missing.contains($0) }.map { sent[$0] } }
            return (error, refused)
        }
        if let error { throw error }
        return refused.isEmpty ? .accepted : .partly(refused)
    }

    mutating func check() -> CheckReport { CheckReport() }
}

/// Nil when both are the same. (`#expect(one == other)` would explain the difference of long arrays for minutes.)
func firstDifference(_ one: [UInt64], _ other: [UInt64]) -> String? {
    if one.count != other.count { return "\(one.count) instead of \(other.count)" }
    guard let index = one.indices.first(where: { one[$0] != other[$0] }) else { return nil }
    return "\(one[index]) instead of \(other[index]) at \(index)"
}

extension Route {
    /// Stops, and waits for it. False when that takes longer than it may.
    func stopAndWait(drain: Duration = .seconds(20)) -> Bool {
        let flag = Flag()
        stop(drainUntil: .now + drain) { flag.set() }
        return eventually(within: drain + .seconds(20)) { flag.isSet }
    }
}

final class Flag: Sendable {
    private let value = Mutex(0)
    func set() { value.withLock { $0 += 1 } }
    var isSet: Bool { count > 0 }
    var count: Int { value.withLock { $0 } }
}
