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

    /// Each of them left the old directory open and full, and its names were given for ever.
    @Test(arguments: ["link", "rename", "same names"]) func findsWhatTakesItsPlace(how: String) throws {
        let path = "\(own.path)/current"
        try own.write("a/1.prom", "1")
        try own.write(how == "same names" ? "b/1.prom" : "b/2.prom", "1")
        if how == "rename" {
            #expect(rename("\(own.path)/a", path) == 0)
        } else {
            #expect(symlink("\(own.path)/a", path) == 0)
        }
        let directory = KeptDirectory(path)
        #expect(try directory.refresh())
        #expect(directory.names == ["1.prom"])
        if how == "rename" {
            #expect(rename(path, "\(own.path)/old") == 0)
            #expect(rename("\(own.path)/b", path) == 0)
        } else {
            // As `ln -sfn b current` and what deploys by links.
            #expect(symlink("\(own.path)/b", "\(own.path)/new") == 0)
            #expect(rename("\(own.path)/new", path) == 0)
        }
        #expect(try directory.refresh())
        #expect(directory.names == (how == "same names" ? ["1.prom"] : ["2.prom"]))
        #expect(try !directory.refresh())
        unlink(path)
        if how == "rename" { #expect(rename(path, "\(own.path)/b") == 0) }
        #expect(throws: Errno.notFound) { _ = try directory.refresh() }
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
