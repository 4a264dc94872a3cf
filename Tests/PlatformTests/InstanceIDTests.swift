import Foundation
import TestSupport
import Testing

@testable import Platform

@Suite struct InstanceIDTests {
    @Test(
        arguments: [
            ("i-0123456789abcdef0\n", "i-0123456789abcdef0"), ("i-12345678", "i-12345678"), ("", nil), ("i-", nil),
            ("i-0123456789ABCDEF0", nil), ("i-0123", nil), ("iid-datasource-none\n", nil), ("\u{FF}", nil),
            ("1d2f7f8e-0000-4ad1-9d8e-000000000000\n", nil), ("i-0123456789abcdef0 x", "i-0123456789abcdef0"),
        ] as [(String, String?)]) func anID(text: String, wanted: String?)
    {
        #expect(instanceID(in: Array(text.utf8)) == wanted)
    }

    @Test func theFirstPlaceThatHasOne() throws {
        let directory = try TemporaryDirectory()
        #expect(hostInstanceID(root: directory.path) == nil)
        func write(_ path: String, _ text: String) throws {
            let whole = URL(fileURLWithPath: directory.path + path)
            try FileManager.default.createDirectory(
                at: whole.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: whole)
        }
        try write("/var/lib/cloud/data/instance-id", "i-11111111\n")
        #expect(hostInstanceID(root: directory.path) == "i-11111111")
        try write("/sys/devices/virtual/dmi/id/board_asset_tag", "Not Specified\n")
        #expect(hostInstanceID(root: directory.path) == "i-11111111")
        try write("/sys/devices/virtual/dmi/id/board_asset_tag", "i-22222222\n")
        #expect(hostInstanceID(root: directory.path) == "i-22222222")
    }
}
