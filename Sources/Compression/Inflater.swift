// One stream of compressed bytes becomes text again, piece by piece, whatever library does it.

internal import Bytes

package struct InflatedStep: Equatable, Sendable {
    package enum Outcome: Equatable, Sendable {
        /// The room is used up, or the input is.
        case more
        /// A member is complete: a stream of xz or bzip2, a frame of zstd. The input may go on with another.
        case memberEnded
        /// What stands here is not of this form, or its checksum is wrong.
        case damaged
        /// To read it takes more memory than `Inflaters.memoryLimit`.
        case tooLarge
        /// The system gave no memory: what stands there may be good.
        case noMemory
    }

    package let consumed: Int
    package let produced: Int
    package let outcome: Outcome

    package init(consumed: Int, produced: Int, outcome: Outcome) {
        (self.consumed, self.produced, self.outcome) = (consumed, produced, outcome)
    }
}

package protocol Inflater: AnyObject {
    /// Begins with a new member.
    func reset()

    /// Inflates `input[range]` into `output[room]` until one of the two is used up, or a member ends. After a step that
    /// filled its room there may be more text at hand, also without more input.
    func inflate(
        _ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], _ room: Range<Int>
    ) -> InflatedStep

    /// What it holds, as far as it knows by now.
    var memoryBytes: Int { get }
}

/// gzip, by the zlib that is linked.
final class GzipMember: Inflater {
    private let inflater = GzipInflater()

    /// zlib.h: the window, and the tables.
    let memoryBytes = 48 << 10

    func reset() { inflater.reset() }

    func inflate(
        _ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], _ room: Range<Int>
    ) -> InflatedStep {
        let step = inflater.inflate(input, range, into: &output, room)
        let outcome: InflatedStep.Outcome =
            switch step.outcome {
            case .more: .more
            case .memberEnded: .memberEnded
            case .damaged: .damaged
            }
        return InflatedStep(consumed: step.consumed, produced: step.produced, outcome: outcome)
    }
}

/// The room and the input of one call, checked: a library is told no more than there is.
func withBytes(
    _ input: [UInt8], _ range: Range<Int>, _ output: inout [UInt8], _ room: Range<Int>,
    _ call: (UnsafePointer<UInt8>?, UnsafeMutablePointer<UInt8>?) -> InflatedStep
) -> InflatedStep {
    guard range.upperBound <= input.count, room.upperBound <= output.count else { bug("inflating past the end") }
    return unsafe input.withUnsafeBufferPointer { input in
        unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe call(
                input.baseAddress.map { unsafe $0 + range.lowerBound },
                output.baseAddress.map { unsafe $0 + room.lowerBound })
        }
    }
}
