// Random numbers that can be had again.

import Foundation

/// SplitMix64: the same numbers from the same seed.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    package init(seed: UInt64 = Self.seed) {
        self.seed = seed
        state = seed
    }

    /// VITALS_SEED, when somebody wants a run again.
    package static let givenSeed = ProcessInfo.processInfo.environment["VITALS_SEED"].flatMap { UInt64($0) }

    /// VITALS_SEED, or one of the moment. Written at once and unbuffered: a trap leaves no time for it.
    package static let seed: UInt64 = {
        let seed = givenSeed ?? .random(in: 0 ... .max)
        FileHandle.standardError.write(Data("random tests with VITALS_SEED=\(seed)\n".utf8))
        return seed
    }()

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Bytes of the alphabet, or any.
    package mutating func bytes(_ count: ClosedRange<Int>, from alphabet: [UInt8]? = nil) -> [UInt8] {
        let count = Int.random(in: count, using: &self)
        return (0..<count).map { _ in
            alphabet?.randomElement(using: &self) ?? UInt8(truncatingIfNeeded: next())
        }
    }
}
