// Which files are read, in which order, and what is said of those that cannot be.

import Agent
import Foundation
import Settings
import TestSupport
import Testing

@Suite struct SettingsSourcesTests {
    private func keys(_ paths: [String]) throws -> [String] {
        try SettingsSection(try readSettings(paths), path: "").keys
    }

    @Test func aDirectoryMeansItsJSONFilesByName() throws {
        let directory = try TemporaryDirectory()
        try directory.write("d/20.json", "{ \"b\": 2 }")
        try directory.write("d/10.json", "{ \"a\": 1 }")
        try directory.write("d/30.json.bak", "not settings")
        try directory.write("d/.hidden.json", "not settings")
        let main = try directory.write("main.json", "{ \"m\": 0 }")
        #expect(try keys([main, "\(directory.path)/d"]) == ["m", "a", "b"])
        #expect(try keys(["\(directory.path)/d/"]) == ["a", "b"])
        // What lies beside the main file is not read unless it is named.
        #expect(try keys([main]) == ["m"])
    }

    @Test func whatCannotBeReadIsNamed() throws {
        let directory = try TemporaryDirectory()
        let missing = "\(directory.path)/none.json"
        #expect(throws: StartError.self) { try readSettings([missing]) }
        do throws(StartError) { _ = try readSettings([missing], mayBeMissing: true) } catch {
            #expect(error.description == "cannot read the settings \(missing): No such file or directory")
        }
        do throws(StartError) { _ = try readSettings([directory.path]) } catch {
            #expect(error.description == "no *.json in \(directory.path): there are no settings")
        }
    }

    @Test func variablesComeFromFiles() throws {
        let directory = try TemporaryDirectory()
        let secret = try directory.write("secret", "hunter2\n")
        let main = try directory.write("main.json", "{ \"password\": \"${file:\(secret)}\" }")
        var section = try SettingsSection(try readSettings([main]), path: "")
        #expect(try section.string("password") == "hunter2")
        let wrong = try directory.write("wrong.json", "{ \"password\": \"${file:\(secret)2}\" }")
        do throws(StartError) { _ = try readSettings([wrong]) } catch {
            #expect(
                error.description == "\(wrong):1:15: password: \(secret)2: No such file or directory")
        }
    }

    @Test func aFileOverItsLimitIsToldTheLimit() throws {
        let directory = try TemporaryDirectory()
        let secret = try directory.write("secret", String(repeating: "x", count: (64 << 10) + 1))
        let main = try directory.write("main.json", "{ \"password\": \"${file:\(secret)}\" }")
        do throws(StartError) { _ = try readSettings([main]) } catch {
            #expect(error.description == "\(main):1:15: password: \(secret): is larger than 64KiB")
        }
        let large = try directory.write("large.json", String(repeating: " ", count: 4 << 20) + "{}")
        do throws(StartError) { _ = try readSettings([large]) } catch {
            #expect(error.description == "cannot read the settings \(large): is larger than 4MiB")
        }
        #expect(throws: StartError.self) { try readSettings([main]) }
        #expect(throws: StartError.self) { try readSettings([large]) }
    }

    @Test func aStateDirectoryOfTheCommandLineMayBeRelative() throws {
        var arguments = CommandLineArguments(.run)
        for (typed, meant) in [
            ("/abs", "/abs"), ("here", "\(FileManager.default.currentDirectoryPath)/here"),
        ] {
            arguments.stateDirectory = typed
            var section = try SettingsSection(try settingsTree("{}").overridden(by: arguments), path: "")
            #expect(try section.string("state_directory") == meant)
            #expect(absoluteStateDirectory(typed) == meant)
        }
    }
}
