// Where an HTTP output sends, and as whom: texts of the settings whose files are read again when they change. Tokens
// and certificates are renewed while the agent runs, most of them within a day.

internal import HTTP
internal import Platform
internal import Settings

struct HTTPIdentity: Sendable {
    private(set) var url: LiveText
    private var headers: [(name: String, text: LiveText)]
    /// A password may be in it.
    private(set) var proxy: LiveText?
    /// PEM; libcurl reads them itself, for each connection.
    private let certificateFiles: [String]
    /// Of all files, as they were when they were read last.
    private var stamps: [Stamp?]

    /// What tells that a file may hold something else.
    private struct Stamp: Equatable, Sendable {
        let id: FileID
        let sizeBytes: UInt64
        let changed: Int64

        /// Nil when it is not there.
        init?(_ path: String) {
            do throws(Errno) {
                let status = try FileStatus(of: path)
                (id, sizeBytes, changed) = (status.id, status.sizeBytes, status.changedUnixNanoseconds)
            } catch { return nil }
        }
    }

    struct Renewal {
        /// A text is another, or a certificate may be.
        var isNew = false
        /// The connection was made with files that have changed.
        var hasNewConnection = false
        var hasNewProxy = false
        /// Files that cannot be read, or do not hold what may be sent.
        var faults: [String] = []
    }

    init(
        url: LiveText, headers: [(name: String, text: LiveText)], proxy: LiveText? = nil, certificateFiles: [String]
    ) {
        self.url = url
        self.headers = headers
        self.proxy = proxy
        self.certificateFiles = certificateFiles
        stamps = []
        stamps = currentStamps
    }

    var headerValues: [(name: String, value: String)] { headers.map { ($0.name, $0.text.value) } }

    private var currentStamps: [Stamp?] {
        (certificateFiles + url.files + headers.flatMap(\.text.files) + (proxy?.files ?? [])).map { Stamp($0) }
    }

    /// Reads again what has changed; all of it when the receiver has refused us.
    mutating func renew(isRefused: Bool) -> Renewal {
        var renewal = Renewal()
        let now = currentStamps
        guard isRefused || now != stamps else { return renewal }
        let count = certificateFiles.count
        renewal.hasNewConnection = now.prefix(count) != stamps.prefix(count)
        renewal.isNew = renewal.hasNewConnection
        stamps = now
        refresh(&url, &renewal) { httpURLFault($0) }
        for index in headers.indices {
            let name = headers[index].name
            refresh(&headers[index].text, &renewal) { headerFault(name, $0) }
        }
        if var proxy {
            renewal.hasNewProxy = refresh(&proxy, &renewal) { proxyFault($0) }
            self.proxy = proxy
        }
        return renewal
    }

    /// Returns whether it is another.
    @discardableResult
    private func refresh(_ text: inout LiveText, _ renewal: inout Renewal, fault: (String) -> String?) -> Bool {
        do throws(VariableError) {
            var isWrong = false
            let isNew = try text.refresh { text in
                isWrong = fault(text) != nil
                return !isWrong
            }
            if isNew { renewal.isNew = true }
            // The fault itself may quote a secret.
            if isWrong { renewal.faults.append("\(text.template) does not hold what can be sent") }
            return isNew
        } catch {
            renewal.faults.append(error.reason)
            return false
        }
    }
}
