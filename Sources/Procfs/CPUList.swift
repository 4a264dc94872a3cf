// Lists of CPUs as sysfs writes them: /sys/devices/system/cpu/{online,present,isolated}, and one number in a file of
// its own. See Documentation/admin-guide/cputopology.rst.
//
//     0-3,5,8-11

package import Bytes

package enum CPUList {
    /// The kernel's NR_CPUS is at most 8 192: a larger number is a mistake, and a range up to it would fill the memory.
    package static let highestCPU = 65_535

    /// In the order of the file; empty for an empty file, which is how the kernel writes "none".
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [Int] {
        var cpus: [Int] = []
        while !text.isAtLineEnd {
            let first = try number(&text)
            let last = text.skip(byte: UInt8(ascii: "-")) ? try number(&text) : first
            // Ascending, so that a list never has more members than there are numbers.
            guard first <= last, first > cpus.last ?? -1 else { throw text.error("CPU numbers in ascending order") }
            cpus.append(contentsOf: first...last)
            guard text.skip(byte: UInt8(ascii: ",")) || text.isAtLineEnd else { throw text.error("',' or the end") }
        }
        return cpus
    }

    private static func number(_ text: inout ByteCursor) throws(ParseError) -> Int {
        guard let number = text.unsigned(), number <= UInt64(highestCPU) else { throw text.error("a CPU's number") }
        return Int(number)
    }
}

/// A file that holds one number, such as `cpu0/topology/core_id` or `thermal_throttle/core_throttle_count`.
package enum SingleNumber {
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> Int64 {
        try text.signedColumn("a number")
    }
}
