// A page of a mapped journal that is lost concerns the thread that reads it: of two inputs that read at one time, a
// damaged journal must not make the other leave out an entry.

import Foundation
import Inputs
import TestSupport
import Testing

@Suite struct JournalLostPagesTests {
    @Test func aPageLostOnAnotherThreadIsNoneOfOurs() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/lost"
        try Data(repeating: 1, count: 4_096).write(to: URL(fileURLWithPath: path))
        let descriptor = open(path, O_RDWR)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let page = try #require(mmap(nil, 4_096, PROT_READ, MAP_SHARED, descriptor, 0))
        try #require(page != MAP_FAILED && ftruncate(descriptor, 0) == 0)
        defer { munmap(page, 4_096) }
        let address = UInt(bitPattern: page)

        let lostBefore = Journal.lostPages
        let done = DispatchSemaphore(value: 0)
        Thread {
            Journal.beginReading()
            defer {
                Journal.endReading()
                done.signal()
            }
            let before = Journal.lostPages
            #expect(UnsafePointer<UInt8>(bitPattern: address)?.pointee == 0)
            #expect(Journal.lostPages == before + 1)
        }.start()
        done.wait()
        #expect(Journal.lostPages == lostBefore)
    }
}
