// The lock of the state directory stays with the name, whatever becomes of the directory.

import Foundation
import Platform
import TestSupport
import Testing

@testable import Agent

@Suite struct StateLockTests {
    private let own: TemporaryDirectory
    private var state: String { own.path + "/a/state" }

    init() throws { own = try TemporaryDirectory() }

    @Test func aRemovedDirectoryIsMadeAgainWithItsLock() throws {
        var lock = try StateLock(state)
        #expect(lock.check() == .held)
        try FileManager.default.removeItem(atPath: own.path + "/a")
        #expect(lock.check() == .madeAgain)
        #expect(lock.check() == .held)
        #expect(throws: LockError.self) { _ = try LockFile("\(state)/lock") }
        // The file alone, and another one in its place.
        try removeFile("\(state)/lock")
        #expect(lock.check() == .madeAgain)
        try removeFile("\(state)/lock")
        try Data().write(to: URL(filePath: "\(state)/lock"))
        #expect(lock.check() == .madeAgain)
        #expect(throws: LockError.self) { _ = try LockFile("\(state)/lock") }
    }

    @Test func anotherAgentMayHaveTakenIt() throws {
        var lock = try StateLock(state)
        try FileManager.default.removeItem(atPath: state)
        let other = try StateLock(state)
        guard case .lost(let reason) = lock.check() else {
            Issue.record("it is held twice")
            return
        }
        #expect(reason.contains("in use by another agent"))
        try withExtendedLifetime(other) { try removeFile("\(state)/lock") }
        #expect(lock.check() == .madeAgain)
    }

    @Test func whatCannotBeMadeIsSaid() throws {
        var lock = try StateLock(state)
        try FileManager.default.removeItem(atPath: own.path + "/a")
        try Data().write(to: URL(filePath: own.path + "/a"))
        // A file in the place of a directory above it.
        guard case .lost(let reason) = lock.check() else {
            Issue.record("a lock in a file")
            return
        }
        #expect(reason.contains("Not a directory"))
        try removeFile(own.path + "/a")
        #expect(lock.check() == .madeAgain)
    }
}
