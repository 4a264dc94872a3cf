// Listing directories of numbers, and what of the kernel's answer holds together.

import Foundation
import TestSupport
import Testing

@testable import Platform

@Suite struct NumberedFilesTests {
    @Test func listsNumbersAndNothingElse() throws {
        let directory = try TemporaryDirectory()
        for name in ["1", "42", "4294967295", "4294967296", "12a", "self", "-1", "007"] {
            try directory.write("\(name)/x", "")
        }
        var (lister, numbers) = (DirectoryLister(), [UInt32]())
        for _ in 0..<2 {
            numbers = []
            try lister.list(PathBuffer(directory.path), into: &numbers)
            #expect(numbers.sorted() == [1, 7, 42, 4_294_967_295])
        }
        #expect(throws: Errno.notFound) { try lister.list(PathBuffer(directory.path + "/none"), into: &numbers) }
    }

    @Test func listsMoreThanOneCallGives() throws {
        let directory = try TemporaryDirectory()
        for number in 0..<3_000 { mkdir("\(directory.path)/\(number)", 0o700) }
        var (lister, numbers) = (DirectoryLister(), [UInt32]())
        try lister.list(PathBuffer(directory.path), into: &numbers)
        #expect(numbers.sorted() == Array(0..<3_000))
    }

    @Test func listsDirectoriesAndNothingElse() throws {
        let directory = try TemporaryDirectory()
        for name in ["a.slice", "b", ".hidden", "ünï"] { try directory.write("\(name)/x", "") }
        try directory.write("file", "")
        symlink("b", "\(directory.path)/link")
        var (lister, names) = (DirectoryLister(), [UInt8]())
        try lister.listDirectories(PathBuffer(directory.path), into: &names)
        #expect(
            names.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.sorted()
                == [".hidden", "a.slice", "b", "ünï"])
        #expect(throws: Errno.notFound) {
            try lister.listDirectories(PathBuffer(directory.path + "/none"), into: &names)
        }
    }

    @Test func aPathIsCutAndGrowsAgain() throws {
        let directory = try TemporaryDirectory()
        try directory.write("12/stat", "twelve")
        try directory.write("7/task/9/stat", "nine")
        var path = PathBuffer("\(directory.path)/")
        let root = path.count
        path.append(12)
        path.append("/stat")
        #expect(path.text == "\(directory.path)/12/stat")
        var buffer = [UInt8](repeating: 0, count: 8)
        #expect(try File(reading: path).read(into: &buffer, at: 0) == 6)
        path.cut(to: root)
        path.append(7)
        path.append("/task/")
        path.append(9)
        path.append("/stat")
        #expect(try File(reading: path).read(into: &buffer, at: 0) == 4)
    }

    /// Entries that do not hold together are no trap.
    @Test func brokenEntriesEndTheList() {
        var random = SeededRandom()
        for _ in 0..<5_000 {
            var numbers: [UInt32] = []
            let bytes = random.bytes(0...120, from: [0, 0, 0, 4, 24, 32, 49, 50])
            DirectoryLister.append(bytes[...], to: &numbers)
            #expect(numbers.count <= bytes.count / 20 + 1, "seed \(SeededRandom.seed)")
            var names: [UInt8] = []
            DirectoryLister.append(directoriesOf: bytes[...], to: &names)
            #expect(names.count <= bytes.count && names.last ?? 0 == 0, "seed \(SeededRandom.seed)")
        }
    }
}
