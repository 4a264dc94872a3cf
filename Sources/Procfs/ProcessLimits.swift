// /proc/<pid>/limits: what a process may use. See proc_pid_limits(5) and getrlimit(2).
//
//     Limit                     Soft Limit           Hard Limit           Units
//     Max cpu time              unlimited            unlimited            seconds
//     Max open files            1024                 524288               files

package import Bytes

/// Those that are served, in the words of the file.
package enum ProcessLimit: Int, CaseIterable, Sendable {
    case cpuTime, fileLocks, dataSize, lockedMemory, residentSet, stackSize, addressSpace, niceOf, openFiles
    case realtimePriority, pendingSignals

    fileprivate var words: StaticString {
        switch self {
        case .cpuTime: "cpu time"
        case .fileLocks: "file locks"
        case .dataSize: "data size"
        case .lockedMemory: "locked memory"
        case .residentSet: "resident set"
        case .stackSize: "stack size"
        case .addressSpace: "address space"
        case .niceOf: "nice priority"
        case .openFiles: "open files"
        case .realtimePriority: "realtime priority"
        case .pendingSignals: "pending signals"
        }
    }
}

package struct ProcessLimits: Equatable, Sendable {
    package struct Pair: Equatable, Sendable {
        /// No limit is all bits, as getrlimit(2) has it.
        package var soft: UInt64
        package var hard: UInt64
    }

    /// By the raw value of `ProcessLimit`; nil for one that this kernel does not know.
    private var pairs: [Pair?]

    package subscript(limit: ProcessLimit) -> Pair? { pairs[limit.rawValue] }

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> ProcessLimits {
        guard text.skip("Limit ") else { throw text.error("Limit <soft> <hard> <units>") }
        text.skipToNextLine()
        var limits = ProcessLimits(pairs: [Pair?](repeating: nil, count: ProcessLimit.allCases.count))
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                guard text.skip("Max ") else { throw text.error("Max <what> <soft> <hard>") }
                if let limit = ProcessLimit.allCases.first(where: { text.skip($0.words) }) {
                    let soft = try number(&text)
                    limits.pairs[limit.rawValue] = Pair(soft: soft, hard: try number(&text))
                }
            }
        }
        return limits
    }

    private static func number(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
        text.skipSpaces()
        if text.skip("unlimited") { return .max }
        return try text.column("a number or unlimited")
    }
}
