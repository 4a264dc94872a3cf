// `sample`: some of the records, spread evenly, without chance: the same records give the same choice.

internal import Bytes

package final class Sampler {
    /// The part that is taken, of 2^64; nil for everything.
    private let share: UInt64?
    /// Records with the same value of this field are taken or left out together.
    private let field: [UInt8]?
    /// A record is taken when this passes 2^64; so the first is.
    private var sum = UInt64.max

    /// One record in `count`.
    package init(oneIn count: UInt64, by field: String? = nil) {
        share = count > 1 ? UInt64.max / count + (UInt64.max % count == count - 1 ? 1 : 0) : nil
        self.field = field.map { Array($0.utf8) }
    }

    /// A ratio from 0 to below 1.
    package init(ratio: Double, by field: String? = nil) {
        share = UInt64(ratio * 0x1p64)
        self.field = field.map { Array($0.utf8) }
    }

    func takes(_ draft: borrowing RecordDraft, of input: borrowing LogBatch) -> Bool {
        guard let share else { return true }
        if let field {
            switch draft.place(of: field, in: input) {
            case .draft(let range)?: return Self.evenHash(draft.bytes, range) < share
            case .input(let range)?: return Self.evenHash(input.bytes, range) < share
            case nil: break  // counted, as without a field
            }
        }
        let (next, passed) = sum.addingReportingOverflow(share)
        sum = next
        return passed
    }

    /// The same on every host and in every run: the records of a trace are taken together everywhere. The last steps of
    /// MurmurHash3's 64 bits spread FNV-1a, whose high bits say little of short texts.
    private static func evenHash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
        var hash = Fingerprint()
        for index in range { hash.add(bytes[index]) }
        var mixed = hash.value
        mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        mixed = (mixed ^ (mixed >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return mixed ^ (mixed >> 33)
    }
}
