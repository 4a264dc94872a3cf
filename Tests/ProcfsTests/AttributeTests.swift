import Bytes
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Procfs

@Suite struct AttributeTests {
    private let own: TemporaryDirectory

    init() throws { own = try TemporaryDirectory() }

    private func attribute(_ text: String) throws -> Attribute {
        try own.write("value", text)
        return Attribute("\(own.path)/value")
    }

    @Test func numbersAndTexts() throws {
        #expect(try attribute("42\n").number() == 42)
        #expect(try attribute("-3500\n").number() == -3_500)
        #expect(try attribute("0.25").number() == 0.25)
        #expect(try attribute("\n").number() == nil)
        #expect(try attribute("  Samsung SSD  \n").text() == "Samsung SSD")
        #expect(try attribute("").text() == "")
        #expect(throws: KernelFileError.malformed(path: "\(own.path)/value", ParseError(line: 1, expected: "a number")))
        {
            try attribute("12 apples\n").number()
        }
    }

    @Test func whatMayBeNoNumber() throws {
        #expect(try attribute(" -273150\n").numberIfAny() == -273_150)
        for text in ["", "\n", "<unknown>", "95.0%", "12 apples", "0x10", "-", "5."] {
            #expect(try attribute(text).numberIfAny() == nil, "\(text)")
        }
    }

    @Test func textsAreValidWhateverFirmwareWrites() throws {
        let path = "\(own.path)/text"
        func text(_ bytes: [UInt8]) throws -> String? {
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return try Attribute(path).text()
        }
        #expect(try text([0x4d, 0xfc, 0x6c]) == "M\u{FFFD}l")
        #expect(try text([0xff, 0xff, 0x30, 0, 0, 0x31, 0, 0x0a]) == "\u{FFFD}0\u{FFFD}1")
        #expect(try text(Array("\u{FFFD}\u{FFFD} x".utf8)) == "\u{FFFD}\u{FFFD} x", "a row of valid ones stays")
        #expect(try text([0xff] + Array("\u{FFFD}\u{FFFD}".utf8) + [0xff, 0]) == "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
        #expect(try text([0xe2, 0x82, 0x41, 0xf0, 0x9f, 0x98]) == "\u{FFFD}A\u{FFFD}", "cut characters")
        #expect(try text([0xed, 0xa0, 0x80, 0x2f, 0xc0, 0xaf]) == "\u{FFFD}/\u{FFFD}", "surrogates and overlong ones")
        #expect(try text([0x01, 0x41, 0x0d, 0x42, 0x1b]) == "A\rB")
        #expect(try text(Array("Grüße\n".utf8)) == "Grüße")
        let attribute = Attribute(path)
        for word in ["on", "off", "off", ""] {
            try own.write("text", word)
            #expect(try attribute.text() == word)
        }
    }

    @Test func longOnesAreReadWhole() throws {
        let text = String(repeating: "x", count: 1_000)
        let attribute = try attribute(text)
        #expect(try attribute.text() == text)
        #expect(try attribute.text() == text)
    }

    @Test func whatIsNotThereHasNoValueAndMayCome() throws {
        let attribute = Attribute("\(own.path)/late")
        #expect(try attribute.number() == nil)
        try own.write("late", "7\n")
        #expect(try attribute.number() == 7)
        try own.write("late", "8\n")
        #expect(try attribute.number() == 8)
        // A directory refuses to be read, as drivers do.
        #expect(try Attribute(own.path).text() == nil)
    }

    @Test func fewAreKeptOpen() throws {
        let before = try textEntries("/proc/self/fd").count
        let attributes = try (0..<Attribute.keptOpenLimit + 50).map { number in
            try own.write("a/\(number)", "\(number)")
            return Attribute("\(own.path)/a/\(number)")
        }
        for _ in 0..<2 {
            for (number, attribute) in attributes.enumerated() { #expect(try attribute.number() == Double(number)) }
        }
        // Other tests open and close files meanwhile.
        #expect(try textEntries("/proc/self/fd").count <= before + Attribute.keptOpenLimit + 40)
    }

    @Test func devicesComeAndGo() throws {
        var made: [String] = []
        let list = DeviceList("\(own.path)/class") { name, path -> Attribute? in
            made.append(name)
            return name == "power" ? nil : Attribute("\(path)/size")
        }
        #expect(try !list.refresh())
        for number in [1, 2, 10] { try own.write("class/md\(number)/size", "\(number)\n") }
        try own.write("class/power/x", "")
        for _ in 0..<3 { #expect(try list.refresh()) }
        #expect(made == ["md1", "md2", "md10", "power"])
        #expect(list.generation == 2, "once for the directory that was not there, once for the devices")
        #expect(try list.devices.map { try $0.number() } == [1, 2, 10])
        try FileManager.default.removeItem(atPath: "\(own.path)/class/md2")
        #expect(try list.refresh())
        #expect(try list.devices.map { try $0.number() } == [1, 10])
        let generation = list.generation
        list.forget()
        #expect(try list.refresh())
        #expect(list.generation == generation + 1 && made.count == 10)
        try FileManager.default.removeItem(atPath: "\(own.path)/class")
        #expect(try !list.refresh())
        #expect(list.devices.isEmpty)
    }

    @Test func aDeviceThatCouldNotBeMadeIsTriedAgain() throws {
        try own.write("class/a/size", "1\n")
        try own.write("class/b/size", "x\n")
        try own.write("class/c/size", "3\n")
        let list = DeviceList("\(own.path)/class") { name, path throws(KernelFileError) in
            try Attribute("\(path)/size").number()
        }
        let skipped = SkippedRows()
        for _ in 0..<2 {
            #expect(try skipped.gather { () throws(KernelFileError) in try list.refresh() })
            #expect(list.devices == [1, 3])
        }
        #expect(list.generation == 1, "the others are not made anew")
        let problem = ParseError(line: 1, expected: "a number")
        #expect(skipped.files == [.init(path: "\(own.path)/class/b/size", rows: 2, problem: problem.description)])
        try own.write("class/b/size", "2\n")
        #expect(try list.refresh())
        #expect(list.devices == [1, 2, 3])
    }

    /// An answer of the hardware that did not come is not the same as a device that has nothing to tell.
    @Test func whatFailsToBeReadIsAnError() throws {
        let path = "\(own.path)/failing"
        // Reading it at its beginning is an input/output error.
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/proc/self/mem")
        let attribute = Attribute(path)
        for _ in 0..<2 {
            #expect(throws: KernelFileError.unreadable(path: path, .io)) { try attribute.number() }
            #expect(throws: KernelFileError.unreadable(path: path, .io)) { try attribute.text() }
        }
        try FileManager.default.removeItem(atPath: path)
        try own.write("failing", "12\n")
        #expect(try attribute.number() == 12, "it answers again")
    }

    /// Neither a path nor a label can be made of its name.
    @Test func aDeviceWhoseNameIsNoTextIsNoted() throws {
        try own.write("class/eth1/size", "1\n")
        let odd = Path(own.path) / "class" / Path([0x65, 0xE9])
        try makeDirectories(odd)
        let list = DeviceList("\(own.path)/class") { name, path throws(KernelFileError) in
            try Attribute("\(path)/size").number()
        }
        let skipped = SkippedRows()
        for _ in 0..<2 {
            #expect(try skipped.gather { () throws(KernelFileError) in try list.refresh() })
            #expect(list.devices == [1])
        }
        let problem = "the name is not UTF-8"
        #expect(skipped.files == [.init(path: "\(own.path)/class/e\u{FFFD}", rows: 2, problem: problem)])
        try FileManager.default.removeItem(atPath: "\(own.path)/class/eth1")
        try own.write("class/eth2/size", "2\n")
        #expect(unsafe odd.withCString { unsafe rmdir($0) } == 0)
        skipped.removeAll()
        #expect(try skipped.gather { () throws(KernelFileError) in try list.refresh() })
        #expect(list.devices == [2] && skipped.count == 0)
    }

    @Test func aWalkPassesOverWhatIsOdd() throws {
        for number in 1...3 { try own.write("class/d\(number)/size", number == 2 ? "x" : "\(number)\n") }
        let list = DeviceList("\(own.path)/class") { _, path in Attribute("\(path)/size") }
        let skipped = SkippedRows()
        func walk() throws -> [Double?] {
            var problem = FirstProblem()
            var found: [Double?] = []
            skipped.gather {
                list.forEach(noting: &problem) { size, _ throws(KernelFileError) in found.append(try size.number()) }
            }
            try problem.throwFirst()
            return found
        }
        #expect(try walk() == [1, 3])
        #expect(skipped.files.map(\.path) == ["\(own.path)/class/d2/size"])
        for number in [1, 3] { try own.write("class/d\(number)/size", "x") }
        #expect(throws: KernelFileError.self, "nothing could be read") { try walk() }
        try FileManager.default.removeItem(atPath: "\(own.path)/class")
        #expect(try walk().isEmpty)
    }

    @Test func devicesOfWhichNoneCanBeMadeAreAnError() throws {
        try own.write("class/a/size", "x\n")
        let list = DeviceList("\(own.path)/class") { name, path throws(KernelFileError) in
            try Attribute("\(path)/size").number()
        }
        for _ in 0..<2 { #expect(throws: KernelFileError.self) { try list.refresh() } }
        try own.write("class/a/size", "2\n")
        #expect(try list.refresh())
        #expect(list.devices == [2])
    }

    @Test(arguments: [
        ("eth2", "eth10"), ("a", "b"), ("a", "a1"), ("a1b2", "a1b10"), ("a01", "a1"), ("cpu9", "cpu10"), ("", "a"),
        ("1", "a"),
    ])
    func namesWithNumbersAreInOrder(smaller: String, larger: String) {
        #expect(isBefore(smaller, larger))
        #expect(!isBefore(larger, smaller))
        #expect(!isBefore(smaller, smaller))
    }
}
