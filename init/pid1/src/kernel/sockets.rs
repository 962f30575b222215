//! Who listens, from `/proc/net/tcp`, `/proc/net/tcp6` and `/proc/net/unix`.
//!
//! A readiness probe that connected would show up in the service's log, and could wait.

/// Whether something listens on the TCP port, in the text of `tcp` or `tcp6`.
#[must_use]
pub fn tcp_listens(table: &str, port: u16) -> bool {
    const LISTEN: &str = "0A";
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = fields.next().and_then(|address| address.rsplit_once(':'));
        let state = fields.nth(1);
        let found = local.and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        state == Some(LISTEN) && found == Some(port)
    })
}

/// Whether something listens on the Unix socket at `path`, in the text of `unix`. A datagram
/// socket has no listening: bound is enough.
#[must_use]
pub fn unix_listens(table: &str, path: &str) -> bool {
    const DATAGRAM: &str = "0002";
    const ACCEPTS: u32 = 0x1_0000;
    table.lines().skip(1).any(|line| {
        // Num RefCount Protocol Flags Type St Inode Path
        let mut fields = line.split_ascii_whitespace().skip(3);
        let flags = fields.next().and_then(|flags| u32::from_str_radix(flags, 16).ok());
        let kind = fields.next();
        let listens = flags.is_some_and(|flags| flags & ACCEPTS != 0) || kind == Some(DATAGRAM);
        listens && line.strip_suffix(path).is_some_and(|head| head.ends_with(' '))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:0050 0100007F:1F91 01 00000000:00000000 00:00000000 00000000     0        0 2
";
    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:4082 00000000000000000000000000000000:0000 0A 0:0 00:0
";
    const UNIX: &str = "\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01  1001 /run/containerd/containerd.sock
0000000000000000: 00000003 00000000 00000000 0001 03  1002 /run/connected.sock
0000000000000000: 00000002 00000000 00000000 0002 01  1003 /run/log.sock
0000000000000000: 00000003 00000000 00000000 0001 03  1004
";

    #[test]
    fn only_a_listening_port_counts() {
        assert!(tcp_listens(TCP, 8080));
        assert!(tcp_listens(TCP6, 16514));
        assert!(!tcp_listens(TCP, 80), "connected, not listening");
        assert!(!tcp_listens(TCP, 8081));
    }

    #[test]
    fn only_a_listening_socket_counts() {
        assert!(unix_listens(UNIX, "/run/containerd/containerd.sock"));
        assert!(unix_listens(UNIX, "/run/log.sock"));
        assert!(!unix_listens(UNIX, "/run/connected.sock"));
        assert!(!unix_listens(UNIX, "/containerd.sock"), "the end of a path is another path");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,200}", port in any::<u16>()) {
            let _answer = tcp_listens(&text, port) || unix_listens(&text, "/run/a");
            let _answer = tcp_listens(&format!("\n0: {text}"), port);
        }
    }
}
