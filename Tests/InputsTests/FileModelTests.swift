// Random sequences of what writers, rotation and the agent's own life do to a file, against a model that knows what
// every line became. VITALS_SEED and VITALS_SEQUENCES in the environment choose the run.
//
// A line may be missing if it stood in a file that was truncated or deleted without a copy, and may come twice if an
// agent that was killed had delivered it and not saved that: never else.

import Bytes
import Foundation
import Logs
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Inputs

/// What the model knows: the lines written, those that no reader could have seen, and those delivered.
private struct Model {
    enum Step: String, CaseIterable {
        case write, writeMany, partial, rename, copytruncate, truncate, rewrite, delete, lateWrite, compress
        case read, readOne, acknowledge, wait, stop, kill, outage
    }

    var next = 0
    var parts = 0
    var written: [String] = []
    /// Lines in the live file that have not been seen by a read, in order.
    var mayBeLost: Set<String> = []
    var delivered: [String: Int] = [:]
    /// Lines that may come again: they were delivered, and the agent was killed before it saved that.
    var mayRepeat: Set<String> = []
    /// Contents of the live file since it was last begun.
    var live: [String] = []
    var partial = ""
    var steps: [String] = []

    mutating func line() -> String {
        next += 1
        // Of different lengths, and not the same at the start of two files.
        return "line-\(next)-" + String(repeating: "x", count: next * 7 % 90)
    }
}

/// One sequence: a model, and a world in which the same happens.
private final class Sequence {
    var random: SeededRandom
    var model = Model()
    let world: FileWorld
    let glob: String
    /// The cursor file as it was last saved, for a start after a kill, and what had been acknowledged by then.
    var saved: JSONValue?
    var acknowledgedAtSave: Set<String> = []
    var acknowledged: [String] = []
    var everDelivered: [String] = []
    var pending: [String] = []
    /// A descriptor of the file that was renamed last, and since when that has been quiet.
    var lateWriter: Int32 = -1
    var quietFrom: Instant
    /// The receiver takes nothing: the agent looks around and reads no line.
    var isDown = false
    /// What each file begins with: with one, nothing but what comes after it tells two files apart.
    let banner: String

    init(seed: UInt64, glob: String) throws {
        random = SeededRandom(seed: seed)
        self.glob = glob
        banner = Int.random(in: 0..<3, using: &random) == 0 ? Self.banner : ""
        world = try FileWorld(#""paths": ["DIR/\#(glob)"], "partial_line_timeout": "1h""#)
        quietFrom = world.now.monotonic
    }

    let isTraced = ProcessInfo.processInfo.environment["VITALS_TRACE"] != nil

    deinit { closeLateWriter() }

    func closeLateWriter() {
        if lateWriter >= 0 { close(lateWriter) }
        lateWriter = -1
    }

    // MARK: Writers

    /// Longer than the first bytes that are remembered of a file.
    private static let banner = (0..<FilePrint.Head.lengthLimit / 20).map { "= line \($0) of a banner\n" }.joined()

    func beginFile() {
        if !banner.isEmpty, (try? FileStatus(of: world.path("a.log")))?.sizeBytes ?? 0 == 0 { world.append(banner) }
    }

    func writeLine() {
        beginFile()
        let line = model.line()
        model.written.append(model.partial + line)
        model.live.append(model.partial + line)
        world.append(line + "\n")
        model.partial = ""
    }

    /// The end of a line that was begun, so that no half of it is in a file that goes.
    func complete() { if !model.partial.isEmpty { writeLine() } }

    /// Somebody looks in the middle of what a rotation does, now and then.
    func lookBetween() {
        guard Int.random(in: 0..<4, using: &random) == 0 else { return }
        readAll()
        if isTraced { trace("  look") }
    }

    /// In two parts: the beginning of a file does not tell yet what it will be.
    func copy(_ bytes: [UInt8], to name: String) {
        let first = Int.random(in: 0...bytes.count, using: &random)
        world.write(bytes: Array(bytes[..<first]), to: name)
        lookBetween()
        world.write(bytes: Array(bytes[first...]), to: name)
        lookBetween()
    }

    func shift() {
        for number in stride(from: 60, to: 0, by: -1) where access(world.path("a.log.\(number)"), F_OK) == 0 {
            world.move("a.log.\(number)", "a.log.\(number + 1)")
            lookBetween()
        }
        for number in stride(from: 60, to: 0, by: -1) where access(world.path("a.log.\(number).gz"), F_OK) == 0 {
            world.move("a.log.\(number).gz", "a.log.\(number + 1).gz")
            lookBetween()
        }
    }

    func rotate(byCopy: Bool) {
        complete()
        guard !model.live.isEmpty else { return }
        closeLateWriter()
        shift()
        if byCopy {
            copy(Array(world.content("a.log").utf8), to: "a.log.1")
            world.truncate()
        } else {
            lateWriter = open(world.path("a.log"), O_WRONLY | O_APPEND)
            world.move("a.log", "a.log.1")
            quietFrom = world.now.monotonic
        }
        model.live = []
        lookBetween()
        if Bool.random(using: &random) { writeLine() }
    }

    /// At once, or delayed by some rotations; the original is there until the end, as with gzip(1).
    func compress() {
        let numbers = (1...5).filter { access(world.path("a.log.\($0)"), F_OK) == 0 }
        guard let number = numbers.randomElement(using: &random) else { return }
        if number == 1 { closeLateWriter() }
        let name = "a.log.\(number)"
        copy(world.gzipped(Array(world.content(name).utf8)), to: name + ".gz")
        world.copyTime(of: name, to: name + ".gz")
        if Bool.random(using: &random) { readAll() }
        world.delete("a.log.\(number)")
    }

    /// Only while it is certain that the file is still followed: within the grace.
    func writeLate() {
        guard lateWriter >= 0, world.now.monotonic - quietFrom < .seconds(9),
            access(world.path("a.log.1"), F_OK) == 0
        else { return }
        let line = model.line()
        world.write(line + "\n", lateWriter)
        quietFrom = world.now.monotonic
        model.written.append(line)
    }

    /// What was not read is lost to every reader, what was not acknowledged to one that is killed.
    func truncate(thenWrite count: Int) {
        model.mayBeLost.formUnion(model.live)
        model.partial = ""
        world.truncate()
        model.live = []
        for _ in 0..<count { writeLine() }
    }

    /// A running agent holds the file only if it has seen it; one that is killed lets it go.
    func delete() {
        readAll()
        complete()
        model.mayBeLost.formUnion(model.live)
        world.delete("a.log")
        model.live = []
    }

    // MARK: The agent

    func note(_ all: [String]) {
        let lines = all.filter { !$0.hasPrefix("= ") }
        for line in lines { model.delivered[line, default: 0] += 1 }
        everDelivered += lines
        pending += all
    }

    func readAll() {
        if isDown { world.input.lookAround(at: world.now) } else { note(world.read(limit: 1_000)) }
    }

    func readSome() {
        guard !isDown else { return readAll() }
        world.batch = LogBatch(recordLimit: Int.random(in: 1...10, using: &random))
        world.readOnce()
        note(world.batch.records.map { world.batch.text(of: $0) })
        world.batch = LogBatch()
    }

    func acknowledge(_ count: Int = .max) {
        let taken = min(count, pending.count)
        acknowledged += pending.prefix(taken)
        pending.removeFirst(taken)
        world.acknowledge(count)
    }

    func save() {
        saved = world.saved()
        acknowledgedAtSave = Set(acknowledged)
    }

    func kill() throws {
        pending = []
        // What was delivered since the cursor was saved, or was in flight, comes again.
        model.mayRepeat.formUnion(Set(everDelivered).subtracting(acknowledgedAtSave))
        try world.restart(saved)
        acknowledged = Array(acknowledgedAtSave)
    }

    /// With VITALS_TRACE set: what there is after each step, to find out about a failure.
    func trace(_ step: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: world.directory)) ?? []
        let files = names.sorted().map { name in
            let status = try? FileStatus(of: world.path(name))
            return "\(name)=\(status?.sizeBytes ?? 0)#\(status?.id.inode ?? 0)"
        }
        let tails = world.input.follower.tails.values.sorted { $0.number < $1.number }.map { tail in
            "\(tail.number)@\(tail.place.map { splitPath($0).name } ?? "-"):\(tail.readOffset)/\(tail.sizeBytes)"
                + (tail.isAway ? "a" : "") + (tail.isFinished ? "f" : "") + (!tail.isOpen ? "c" : "")
        }
        let known = world.input.follower.memory.known.all.map {
            "\($0.id.inode):\($0.offset)/\($0.sizeBytes)<\($0.print.inner?.end ?? 0)"
        }
        print(
            "\(glob) \(step)\(isDown ? " down" : "") next \(model.next) delivered \(everDelivered.count)", files, tails,
            known)
    }

    func perform(_ step: Model.Step) throws {
        model.steps.append(step.rawValue)
        defer { if isTraced { trace(step.rawValue) } }
        switch step {
        case .write: writeLine()
        case .writeMany: for _ in 0..<Int.random(in: 2...60, using: &random) { writeLine() }
        case .partial:
            // As with lines, no two files begin alike: half a line that was truncated away does not come again.
            beginFile()
            model.parts += 1
            let text = "part-\(model.parts)-"
            model.partial += text
            world.append(text)
        case .rename: rotate(byCopy: false)
        case .copytruncate: rotate(byCopy: true)
        case .lateWrite: writeLate()
        case .truncate: truncate(thenWrite: 0)
        case .rewrite: truncate(thenWrite: 20)
        case .delete: delete()
        case .read: readAll()
        case .readOne: readSome()
        case .acknowledge:
            acknowledge(Int.random(in: 0...20, using: &random))
            if Bool.random(using: &random) { save() }
        case .wait:
            readAll()
            world.advance(.seconds(Int.random(in: 1...12, using: &random)))
            readAll()
        case .stop:
            acknowledge()
            try world.restart(world.saved())
            save()
        case .kill: try kill()
        case .outage: isDown.toggle()
        case .compress: compress()
        }
    }

    func run() throws {
        // Files that were rotated before the agent was ever started are none of its business.
        writeLine()
        readAll()
        save()
        for _ in 0..<Int.random(in: 5...40, using: &random) {
            if let step = Model.Step.allCases.randomElement(using: &random) { try perform(step) }
            if isDown { readAll() }
        }
        isDown = false
        complete()
        readAll()
        if isTraced { trace("end") }
        for _ in 0..<4 {
            world.advance(.seconds(11))
            readAll()
            if isTraced { trace("later") }
        }
        acknowledge()
    }

    var problems: [String] {
        var problems: [String] = []
        for line in model.written {
            let times = model.delivered[line] ?? 0
            if times == 0, !model.mayBeLost.contains(line) { problems.append("lost: \(line.prefix(20))") }
            if times > 1, !model.mayRepeat.contains(line) { problems.append("\(times) times: \(line.prefix(20))") }
        }
        // Half lines come only of truncation in their middle.
        if !model.steps.contains("truncate"), !model.steps.contains("rewrite") {
            let all = Set(model.written)
            for line in model.delivered.keys where !all.contains(line) { problems.append("never written: \(line)") }
        }
        let lag = world.input.status(at: world.now).lagBytes
        if lag != 0 { problems.append("lag \(lag ?? 0)") }
        return problems
    }
}

@Suite struct FileModelTests {
    /// Most of a sequence is waiting for the kernel to let go of inotify instances: they wait side by side.
    private static let threadCount = 16

    @Test(arguments: ["a.log", "a.log*"]) func nothingIsLostAndNothingComesTwice(glob: String) throws {
        let environment = ProcessInfo.processInfo.environment
        let isGiven = SeededRandom.givenSeed != nil
        let count = environment["VITALS_SEQUENCES"].flatMap(UInt64.init) ?? (isGiven ? 1 : 1_000)
        let next = Mutex(UInt64(0))
        let failures = Mutex<[String]>([])
        let done = DispatchSemaphore(value: 0)
        for _ in 0..<Self.threadCount {
            Thread {
                while true {
                    let number = next.withLock { next in
                        defer { next += 1 }
                        return next
                    }
                    guard number < count, failures.withLock({ $0.count }) < 40 else { break }
                    if let failure = Self.failure(of: SeededRandom.seed &+ number, glob) {
                        failures.withLock { $0.append(failure) }
                    }
                }
                done.signal()
            }.start()
        }
        for _ in 0..<Self.threadCount { done.wait() }
        let all = failures.withLock { $0 }
        let shortest = all.sorted { $0.utf8.count < $1.utf8.count }.prefix(3)
        #expect(all.isEmpty, "\(all.count) failed\n\(shortest.joined(separator: "\n"))")
    }

    /// One sequence; nil when all is well.
    private static func failure(of seed: UInt64, _ glob: String) -> String? {
        do {
            let sequence = try Sequence(seed: seed, glob: glob)
            try sequence.run()
            let problems = sequence.problems
            guard !problems.isEmpty else { return nil }
            let steps = sequence.model.steps.joined(separator: " ")
            return "VITALS_SEED=\(seed) \(glob): \(problems.prefix(5)) (\(problems.count)) after \(steps)"
        } catch {
            return "VITALS_SEED=\(seed) \(glob): \(error)"
        }
    }
}
