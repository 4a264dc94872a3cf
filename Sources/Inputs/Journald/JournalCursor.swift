// What a cursor of the journal says: sd_journal_get_cursor(3) calls it opaque, yet every version writes
//
//     s=3a5f…;i=1f2e;b=9d2c…;m=5d21dba;t=60a1c9b2f4d3a;x=8c1f…
//
// s is the id of a sequence of numbers and i the number (an entry's place in all files that journald wrote), b the
// boot, m and t the monotonic and the real time in microseconds, x a hash; all hexadecimal. Only words and counts for
// the operator come from it: where to read is left to libsystemd, which is given the cursor as it is.

package struct JournalCursor: Equatable, Sendable {
    package let sequenceID: String
    package let sequenceNumber: UInt64
    package let realtimeMicroseconds: UInt64

    /// nil for a text that is not of this form.
    package init?(_ text: String) {
        var (sequenceID, number, time): (String?, UInt64?, UInt64?)
        for part in text.split(separator: ";") {
            let value = part.dropFirst(2)
            if part.hasPrefix("s=") { sequenceID = String(value) }
            if part.hasPrefix("i=") { number = UInt64(value, radix: 16) }
            if part.hasPrefix("t=") { time = UInt64(value, radix: 16) }
        }
        guard let sequenceID, let number, let time else { return nil }
        self.sequenceID = sequenceID
        sequenceNumber = number
        realtimeMicroseconds = time
    }

    /// How many entries stood between this one and `later`, of all that journald wrote; nil when they are not of one
    /// sequence: a journal that was made anew, or came from elsewhere.
    package func entriesMissing(before later: JournalCursor) -> UInt64? {
        guard sequenceID == later.sequenceID, later.sequenceNumber > sequenceNumber else { return nil }
        return later.sequenceNumber - sequenceNumber - 1
    }
}
