// Where an HTTP output sends, and as whom: texts of the settings whose files are read again when they change. Tokens
// and certificates are renewed while the agent runs, most of them within a day.

internal import HTTP
internal import Platform
internal import Settings

/// Of one lane.
struct HTTPIdentity: Sendable {
    /// How long a delivery waits for the files to be looked at.
    private static let patience: Duration = .milliseconds(250)

    /// What the files say.
    fileprivate struct Texts: Sendable {
        var url: LiveText
        var headers: [(name: String, text: LiveText)]
        /// A password may be in it.
        var proxy: LiveText?
        /// PEM; libcurl reads them itself, for each connection.
        let certificateFiles: [String]
        /// How often the texts were read again, and one of the certificates was found to be another.
        var readings = 0
        var certificates = 0
        /// Of the last reading: files that cannot be read, or do not hold what may be sent.
        var faults: [String] = []
        /// A certificate that libcurl must not open now.
        var odd: String?
    }

    struct Renewal {
        /// A text is another, or a certificate may be.
        var isNew = false
        /// The connection was made with files that have changed.
        var hasNewConnection = false
        var hasNewProxy = false
        /// Files that cannot be read, or do not hold what may be sent.
        var faults: [String] = []
        /// Reading them had hung, and has come back.
        var isBack = false
        /// Why nothing can be sent now: to open a certificate might take for ever.
        var hindrance: String?
    }

    private var texts: Texts
    /// Nil when nothing stands in files.
    private let look: FileLook<Texts>?
    private var isHangTold = false

    init(
        url: LiveText, headers: [(name: String, text: LiveText)], proxy: LiveText? = nil, certificateFiles: [String]
    ) {
        self.init(Texts(url: url, headers: headers, proxy: proxy, certificateFiles: certificateFiles))
    }

    private init(_ texts: Texts) {
        self.texts = texts
        let files =
            texts.certificateFiles + texts.url.files + texts.headers.flatMap(\.text.files)
            + (texts.proxy?.files ?? [])
        let read: @Sendable (inout Texts, [FileFinding]) -> Void = { $0.read(again: $1) }
        look = files.isEmpty ? nil : FileLook("identity files", files, content: texts, pause: .zero, read: read)
    }

    /// For another lane, which looks for itself.
    var another: Self { Self(texts) }

    var url: String { texts.url.value }
    var proxy: String? { texts.proxy?.value }
    var headerValues: [(name: String, value: String)] { texts.headers.map { ($0.name, $0.text.value) } }

    /// Reads again what has changed; all of it when the receiver has refused us.
    mutating func renew(isRefused: Bool) -> Renewal {
        var renewal = Renewal()
        guard let look else { return renewal }
        guard let found = look.lookAndWait(isForced: isRefused, atMost: Self.patience) else {
            if !isHangTold { renewal.faults = ["reading hangs: \(look.files.joined(separator: ", "))"] }
            isHangTold = true
            if !texts.certificateFiles.isEmpty {
                renewal.hindrance = "reading \(texts.certificateFiles.joined(separator: ", ")) hangs"
            }
            return renewal
        }
        renewal.isBack = isHangTold
        isHangTold = false
        renewal.hasNewConnection = found.certificates != texts.certificates
        renewal.hasNewProxy = found.proxy?.value != texts.proxy?.value
        renewal.isNew = renewal.hasNewConnection || renewal.hasNewProxy || !found.saysTheSame(as: texts)
        if found.readings != texts.readings { renewal.faults = found.faults }
        renewal.hindrance = found.odd.map { "\($0) is no regular file" }
        texts = found
        return renewal
    }
}

extension HTTPIdentity.Texts {
    fileprivate func saysTheSame(as other: Self) -> Bool {
        url.value == other.url.value
            && zip(headers, other.headers).allSatisfy { $0.text.value == $1.text.value }
    }

    fileprivate mutating func read(again findings: [FileFinding]) {
        let ofCertificates = findings.prefix(certificateFiles.count)
        // The first look finds all of them changed, and no connection was made before it.
        if readings > 0, ofCertificates.contains(where: \.isChanged) { certificates += 1 }
        odd = ofCertificates.first(where: \.isOdd)?.path
        readings += 1
        faults = []
        if let fault = Self.refresh(&url, fault: httpURLFault) { faults.append(fault) }
        for index in headers.indices {
            let name = headers[index].name
            let fault = Self.refresh(&headers[index].text) { headerFault(name, $0) }
            if let fault { faults.append(fault) }
        }
        if var proxy {
            if let fault = Self.refresh(&proxy, fault: proxyFault) { faults.append(fault) }
            self.proxy = proxy
        }
    }

    private static func refresh(_ text: inout LiveText, fault: (String) -> String?) -> String? {
        do throws(VariableError) {
            var isWrong = false
            _ = try text.refresh { text in
                isWrong = fault(text) != nil
                return !isWrong
            }
            // The fault itself may quote a secret.
            return isWrong ? "\(text.template) does not hold what can be sent" : nil
        } catch { return error.reason }
    }
}
