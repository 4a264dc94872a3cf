import Bytes
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@Suite struct KeptDirectoryTests {
    private let own: TemporaryDirectory

    init() throws { own = try TemporaryDirectory() }

    @Test func tellsWhenItChanges() throws {
        let directory = KeptDirectory("\(own.path)/class")
        #expect(throws: Errno.notFound) { _ = try directory.refresh() }
        try own.write("class/b", "1")
        try own.write("class/a", "1")
        #expect(try directory.refresh())
        #expect(directory.names == ["a", "b"])
        #expect(try !directory.refresh())
        // Another file under the old name: both have been there at once, so their inodes differ.
        try own.write("class/new", "1")
        rename("\(own.path)/class/new", "\(own.path)/class/b")
        #expect(try directory.refresh())
        #expect(directory.names == ["a", "b"])
        unlink("\(own.path)/class/a")
        #expect(try directory.refresh())
        #expect(directory.names == ["b"])
    }

    @Test func findsADirectoryThatWasMadeAnew() throws {
        let directory = KeptDirectory("\(own.path)/class")
        try own.write("class/a", "1")
        #expect(try directory.refresh())
        try FileManager.default.removeItem(atPath: "\(own.path)/class")
        #expect(throws: Errno.notFound) { _ = try directory.refresh() }
        #expect(directory.names == [])
        try own.write("class/a", "1")
        #expect(try directory.refresh())
        // Removed and made anew between two looks.
        try FileManager.default.removeItem(atPath: "\(own.path)/class")
        try own.write("class/c", "1")
        #expect(try directory.refresh())
        #expect(directory.names == ["c"])
    }

    @Test func anEmptyOneIsNoChange() throws {
        try own.write("class/a", "1")
        unlink("\(own.path)/class/a")
        let directory = KeptDirectory("\(own.path)/class")
        #expect(try directory.refresh())
        #expect(try !directory.refresh())
        #expect(directory.names == [])
        // Nor is another that is as empty; what comes into it is seen all the same.
        try FileManager.default.moveItem(atPath: "\(own.path)/class", toPath: "\(own.path)/old")
        mkdir("\(own.path)/class", 0o755)
        #expect(try !directory.refresh())
        try own.write("class/b", "1")
        #expect(try directory.refresh())
        #expect(directory.names == ["b"])
    }
}
