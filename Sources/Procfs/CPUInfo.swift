// /proc/cpuinfo: what the CPUs are. Every architecture writes it in its own way; the keys here are those of x86, and
// the `Features` of ARM. See proc_cpuinfo(5) and arch/x86/kernel/cpu/proc.c.
//
//     processor : 0
//     vendor_id : GenuineIntel
//     cpu family : 6
//     …
//     flags  : fpu vme de
//     bugs  : spectre_v1 spectre_v2
//
//     processor : 1

package import Bytes

package struct CPUInfo: Equatable, Sendable {
    /// One logical CPU; what its architecture does not tell is empty.
    package struct Processor: Equatable, Sendable {
        package var processor = ""
        package var vendor = ""
        package var family = ""
        package var model = ""
        package var modelName = ""
        package var stepping = ""
        package var microcode = ""
        package var cacheSize = ""
        package var package = ""
        package var core = ""
        package var frequencyHertz: Double?
    }

    package var processors: [Processor] = []
    /// Of the first processor: they are long, and the same for all.
    package var flags: [String] = []
    package var bugs: [String] = []

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> CPUInfo {
        var info = CPUInfo()
        while !text.isAtEnd {
            if text.isAtLineEnd {  // An empty line between processors.
                text.skipToNextLine()
                continue
            }
            text.row { text throws(ParseError) in
                guard var key = text.upTo(UInt8(ascii: ":")) else { throw text.error("<key> : <value>") }
                while let last = key.last, text.bytes[last] <= UInt8(ascii: " ") {
                    key = key.lowerBound..<last
                }
                text.skipSpaces()
                info.take(key, &text)
            }
        }
        return info
    }

    private mutating func take(_ key: Range<Int>, _ text: inout ByteCursor) {
        if text.has(key, "processor") {
            processors.append(Processor(processor: text.text(text.restOfLine())))
            return
        }
        // Lines before the first processor, or after the last one of ARM, describe the machine.
        guard !processors.isEmpty else { return }
        let at = processors.count - 1
        if text.has(key, "vendor_id") {
            processors[at].vendor = text.text(text.restOfLine())
        } else if text.has(key, "cpu family") {
            processors[at].family = text.text(text.restOfLine())
        } else if text.has(key, "model") {
            processors[at].model = text.text(text.restOfLine())
        } else if text.has(key, "model name") {
            processors[at].modelName = text.text(text.restOfLine())
        } else if text.has(key, "stepping") {
            processors[at].stepping = text.text(text.restOfLine())
        } else if text.has(key, "microcode") {
            processors[at].microcode = text.text(text.restOfLine())
        } else if text.has(key, "cache size") {
            processors[at].cacheSize = text.text(text.restOfLine())
        } else if text.has(key, "physical id") {
            processors[at].package = text.text(text.restOfLine())
        } else if text.has(key, "core id") {
            processors[at].core = text.text(text.restOfLine())
        } else if text.has(key, "cpu MHz") {
            processors[at].frequencyHertz = text.decimal().map { $0 * 1_000_000 }
        } else if at == 0, text.has(key, "flags") || text.has(key, "Features") {
            flags = Self.words(&text)
        } else if at == 0, text.has(key, "bugs") {
            bugs = Self.words(&text)
        }
    }

    private static func words(_ text: inout ByteCursor) -> [String] {
        var words: [String] = []
        while !text.isAtLineEnd {
            words.append(text.text(text.word()))
            text.skipSpaces()
        }
        return words
    }
}
