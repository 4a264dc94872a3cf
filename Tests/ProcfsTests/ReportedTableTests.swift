// Tables that people have reported to the projects that read the same files, because these lost all of them.

import Bytes
import Testing

@testable import Procfs

@Suite struct ReportedTableTests {
    /// prometheus/node_exporter#1583, prometheus/procfs#339: a FreeNAS server says of itself what has line ends.
    @Test func aServersNameMayHaveLineEnds() throws {
        func mount(_ name: String, implementation: String) -> String {
            """
            device nas:/\(name) mounted on /mnt/\(name) with fstype nfs4 statvers=1.1
            \topts:\trw,vers=4.1
            \tage:\t13968
            \timpl_id:\t\(implementation)
            \tcaps:\tcaps=0x3fff7,wtmult=512
            \tevents:\t52 226 0 0 1 13 398 0 0 331 0 47 0 0 77 0 0 77 0 0 0 0 0 0 0 0 0
            \tbytes:\t1 2 3 4 5 6 7 8
            \tRPC iostats version: 1.1  p/v: 100003/4 (nfs)
            \txprt:\ttcp 832 0 1 0 11 6428 6428 0 12154 0 24 26 5726
            \tper-op statistics
            \t        NULL: 1 1 0 44 24 0 0 0 0 0

            """ + "\n"
        }
        let names = [
            "name='FreeBSD 10.7-STABLE #0 r325575(HEAD): Fri\n    user@build:/usr/obj\n',domain='x.org',date='0,0'",
            "name='a\n\tevents: 1 2 3\n\tage: x\n',domain='b',date='1,2'",
            "name='\ndevice nas:/x mounted on /x with fstype nfs4 statvers=1.1\n',domain='b',date='1,2'",
            "name='a\n\n\tper-op statistics\n\tX: 1\n',domain='\n',date='1,2'",
            "name='a',domain='b',date='1,2'",
        ]
        let text = names.enumerated().map { mount("\($0)", implementation: $1) }.joined()
        let mounts = try wholeValue("device proc mounted on /proc with fstype proc\n\(text)", NFSMount.parse)
        #expect(mounts.map(\.export) == names.indices.map { "nas:/\($0)" })
        for mount in mounts {
            #expect(mount.ageSeconds == 13_968 && mount.events.first == 52 && mount.bytes == [1, 2, 3, 4, 5, 6, 7, 8])
            #expect(mount.transports.count == 1 && mount.operations.map(\.name) == ["NULL"])
        }
    }

    /// A name that has no end, as no kernel writes it, costs its mount at most.
    @Test func aServersNameWithoutAnEndHidesNoOtherMount() throws {
        let text = """
            device nas:/a mounted on /a with fstype nfs4 statvers=1.1
            \timpl_id:\tname='a
            device nas:/b mounted on /b with fstype nfs4 statvers=1.1
            \tevents:\t52 226 0 0 1 13 398 0 0 331 0 47 0 0 77 0 0 77 0 0 0 0 0 0 0 0 0
            \tbytes:\t1 2 3 4 5 6 7 8

            """
        var cursor = ByteCursor(text)
        #expect(try NFSMount.parse(&cursor).map(\.export) == ["nas:/b"])
        #expect(cursor.rows.skipped == 1)
    }

    /// prometheus/node_exporter#3198: an array that has lost all its disks, in one line.
    @Test func anArrayWithoutDisksIsServed() throws {
        let text = """
            Personalities : [raid6] [raid5] [raid4]
            md125 : inactive sdc1[29](S) sdb1[27](S)
                  41937920 blocks super 1.2

            md126 : active raid5 super 1.2 level 5, 64k chunk, algorithm 2 [4/0] [____]

            md127 : inactive sdc2[28](S)
                  10480640 blocks super 1.2

            unused devices: <none>

            """
        let arrays = try wholeValue(text, MDStat.parse)
        #expect(arrays.map(\.name) == ["md125", "md126", "md127"])
        let lost = arrays[1]
        #expect(lost.activity == .active && lost.disksRequired == 4 && lost.disksActive == 0 && lost.blocks == 0)
        #expect(lost.disksFailed == 0 && lost.disksSpare == 0)
    }

    /// The driver that makes faults on purpose says how many it made, and nothing of its disks.
    @Test func anArrayThatFailsOnPurposeHidesNoOther() throws {
        let text = """
            Personalities : [faulty] [raid1]
            md0 : active faulty sdd[0]
                  10 blocks WriteTransient=1(2) nfaults=3

            md1 : active raid1 sdb[0] sdc[1]
                  20 blocks [2/1] [U_]

            """
        let arrays = try wholeValue(text, MDStat.parse)
        #expect(arrays.map(\.name) == ["md0", "md1"])
        #expect(arrays.map(\.disksRequired) == [1, 2] && arrays.map(\.disksActive) == [1, 1])
    }

    /// prometheus/node_exporter#1882: a kernel whose count of forks had run over.
    @Test func aNegativeCountCostsItself() throws {
        var cursor = ByteCursor("cpu 1 2 3 4\ncpu0 1 2 3 4\nctxt 5\nprocesses -2049562273\nprocs_running 6\n")
        let stat = try Stat.parse(&cursor)
        #expect(stat.cpus.count == 1 && stat.contextSwitches == 5 && stat.processes == nil && stat.running == 6)
        #expect(cursor.rows.skipped == 1 && cursor.rows.firstProblem?.line == 4)
    }

    /// prometheus/node_exporter#392: zero bytes in diskstats.
    @Test func aRowOfZeroBytesCostsItself() throws {
        let disks = ["sda", "sdb"].map { "8 0 \($0) 1 2 3 4 5 6 7 8 9 10 11\n" }
        var cursor = ByteCursor(disks[0] + String(repeating: "\0", count: 4_096) + "\n" + disks[1])
        #expect(try DiskStats.parse(&cursor).map(\.name) == ["sda", "sdb"])
        #expect(cursor.rows.skipped == 1)
    }

    /// prometheus/node_exporter#73 and #902: no space behind the colon, and a colon in the name.
    @Test func interfacesOfOldKernelsAreRead() throws {
        let zeros = String(repeating: " 0", count: 15)
        let rows = ["    lo:181005683161", "ibr10:30:       7", " ibr10: 161766629091"]
        let text = "Inter-|\n face |\n" + rows.map { "\($0)\(zeros)\n" }.joined()
        let devices = try wholeValue(text, NetDev.parse)
        #expect(devices.map(\.name) == ["lo", "ibr10:30", "ibr10"])
        #expect(devices.map(\.bytesReceived) == [181_005_683_161, 7, 161_766_629_091])
    }

    /// digint/btrbk#563, canonical/snapd#12899, muesli/duf#153, opencontainers/runtime-tools#652.
    @Test func mountsOfOddNamesAreRead() throws {
        let text = #"""
            1146 77 0:149 / /Docker/host rw,noatime - 9p drvfs rw,aname=drvfs;path=C:\Program Files\x,trans=virtio
            289 45 0:173 / /games/Gate\0403 rw shared:232 - overlay overlayfs ro,lowerdir=/a/L S/b,upperdir=/c
            557 27 0:73 / /mnt/a rw,relatime shared:284 - tmpfs - rw,inode64
            558 27 0:74 / /mnt/b rw,relatime - tmpfs  rw

            """#
        let mounts = try wholeValue(text, Mount.parse)
        #expect(mounts.map(\.mountPoint) == ["/Docker/host", "/games/Gate 3", "/mnt/a", "/mnt/b"])
        #expect(mounts.map(\.device) == ["drvfs", "overlayfs", "-", ""])
        #expect(mounts.map(\.isReadOnly) == [false, true, false, false])
    }
}
