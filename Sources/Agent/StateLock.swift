// The lock of the state directory, kept for as long as the agent runs: also when somebody removes the directory.
//
// A lock is of a file, not of its name. When the directory is deleted and made again, another agent could lock the new
// file and write the same cursors: so the name is looked at now and then, and the lock is taken again where it is gone.

internal import Platform

struct StateLock {
    /// How often the name is looked at. Cursors are saved once a second; what is made in between is made again.
    static let interval: Duration = .seconds(5)

    enum Finding: Equatable {
        case held
        /// The directory, or the lock in it, was gone, and is there again.
        case madeAgain
        /// It was gone, and cannot be made. Another agent may have it.
        case lost(reason: String)
    }

    struct Failure: Error {
        let reason: String
        /// Another agent has it; otherwise it is the disk that is not there, or not ours to write to.
        let isHeld: Bool
    }

    private let directory: String
    private var lock: LockFile
    private var path: String { "\(directory)/lock" }

    /// Makes the directory, and makes sure that no other agent uses it.
    init(_ directory: String) throws(Failure) {
        self.directory = directory
        do throws(Errno) { try makeDirectories(directory) } catch {
            throw Failure(reason: "cannot make the state directory \(directory): \(error)", isHeld: false)
        }
        do throws(LockError) { lock = try LockFile("\(directory)/lock") } catch {
            if case .held = error { throw Failure(reason: Self.text(error, directory), isHeld: true) }
            throw Failure(reason: Self.text(error, directory), isHeld: false)
        }
    }

    /// Looks whether the lock is still the file of that name, and takes it again where it is not.
    mutating func check() -> Finding {
        do throws(Errno) {
            if try lock.isAt(path) { return .held }
        } catch {
            // What cannot be looked at is not known to be gone. A file in the place of a directory is known.
            guard error == .notFound || error == .notDirectory else { return .held }
        }
        do throws(Errno) { try makeDirectories(directory) } catch { return .lost(reason: "\(directory): \(error)") }
        do throws(LockError) { lock = try LockFile(path) } catch {
            return .lost(reason: Self.text(error, directory))
        }
        return .madeAgain
    }

    private static func text(_ error: LockError, _ directory: String) -> String {
        switch error {
        case .held(let process):
            let who = process.map { "process \($0)" } ?? "another process"
            return "the state directory \(directory) is in use by another agent, \(who)"
        case .unusable(let errno): return "cannot lock the state directory: \(directory)/lock: \(errno)"
        }
    }
}
