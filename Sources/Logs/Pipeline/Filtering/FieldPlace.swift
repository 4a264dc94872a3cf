// Where the value stands that a setting names: in the message, in what stages found, or in what the input gave.

extension RecordDraft {
    /// Two buffers hold what belongs to one record: the draft's own, and that of the input's batch.
    enum FieldPlace {
        case draft(Range<Int>)
        case input(Range<Int>)
    }

    /// The message for nil, else the value of the field of that name; what stages found goes before what the input
    /// gave.
    func place(of name: [UInt8]?, in input: borrowing LogBatch) -> FieldPlace? {
        guard let name else { return .draft(text) }
        for field in fields where bytes.has(name, at: field.name) { return .draft(field.value) }
        for index in inputFields {
            let field = input.fields[Int(index)]
            if input.bytes.has(name, at: field.name.range) { return .input(field.value.range) }
        }
        return nil
    }

    /// Takes the input's fields for its own, so that they can be changed: the batch shares them among records.
    mutating func adoptInputFields(of input: borrowing LogBatch) {
        var adopted: [Field] = []
        for index in inputFields {
            let field = input.fields[Int(index)]
            let name = append(input.bytes, field.name.range)
            adopted.append(Field(name: name, value: append(input.bytes, field.value.range), isNumber: field.isNumber))
        }
        fields.insert(contentsOf: adopted, at: 0)
        inputFields = 0..<0
    }
}

extension [UInt8] {
    fileprivate func has(_ text: [UInt8], at range: Range<Int>) -> Bool {
        guard range.count == text.count else { return false }
        for (offset, byte) in text.enumerated() where self[range.lowerBound + offset] != byte { return false }
        return true
    }
}
