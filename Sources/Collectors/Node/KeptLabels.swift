// Label values that are the same at each reading: made once, since a String for each sample would be most of the cost.

internal import Metrics

/// `0`, `1`, … as text: the numbers of CPUs and memory nodes.
struct NumberLabels {
    private var texts: [String] = []

    subscript(number: Int) -> String {
        mutating get {
            while texts.count <= number { texts.append(String(texts.count)) }
            return texts[number]
        }
    }
}

/// Pieces of a file's text, each kept under its place in the file as long as the same stands there.
struct TextLabels {
    private var texts: [String] = []

    mutating func text(at place: Int, _ bytes: ArraySlice<UInt8>) -> String {
        if place < texts.count, texts[place].utf8.elementsEqual(bytes) { return texts[place] }
        let text = String(label: bytes)
        while texts.count <= place { texts.append("") }
        texts[place] = text
        return text
    }
}
