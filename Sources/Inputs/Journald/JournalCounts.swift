// What a journald input counts.

/// What was left out, cut or lost since the start.
struct JournalCounts {
    var linesCut: UInt64 = 0
    var fieldsCut: UInt64 = 0
    var fieldsRepeated: UInt64 = 0
    var entriesWithoutMessage: UInt64 = 0
    var entriesCorrupt: UInt64 = 0
    var filesCorrupt: UInt64 = 0
    var cursorsLost: UInt64 = 0
    var entriesLost: UInt64 = 0
    var failures: UInt64 = 0
    /// Lines of containers that are over the limit, and those whose next piece did not come or had no room.
    var piecesOverLimit: UInt64 = 0
    var piecesAlone: UInt64 = 0

    var list: [(reason: String, count: UInt64)] {
        [
            ("line_cut", linesCut), ("field_cut", fieldsCut), ("field_repeated", fieldsRepeated),
            ("entry_without_message", entriesWithoutMessage), ("entry_corrupt", entriesCorrupt),
            ("file_corrupt", filesCorrupt), ("cursor_lost", cursorsLost), ("entry_lost", entriesLost),
            ("journal_unavailable", failures), ("partial_message_limit", piecesOverLimit),
            ("partial_message_timeout", piecesAlone),
        ]
    }
}
