//! The records of a zip archive.
//!
//! Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5. Numbers are little-endian.

/// First bytes of an entry.
pub(super) const LOCAL: u32 = 0x0403_4b50;
/// First bytes of an entry in the directory.
pub(super) const CENTRAL: u32 = 0x0201_4b50;
/// First bytes of the end record.
pub(super) const END: u32 = 0x0605_4b50;
/// First bytes of the 64-bit end record.
pub(super) const END_64: u32 = 0x0606_4b50;
/// First bytes of the record that says where the 64-bit end record is.
pub(super) const LOCATOR_64: u32 = 0x0706_4b50;

/// Lengths of the records without their variable parts.
pub(super) const LOCAL_LEN: usize = 30;
pub(super) const CENTRAL_LEN: usize = 46;
pub(super) const END_LEN: usize = 22;
pub(super) const END_64_LEN: usize = 56;
pub(super) const LOCATOR_64_LEN: usize = 20;

/// Flag: the entry is encrypted.
pub(super) const FLAG_ENCRYPTED: u16 = 1;
/// Flag: headers in the directory are masked.
pub(super) const FLAG_MASKED: u16 = 1 << 13;

/// Methods that are read.
pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

/// Reads numbers from the start of a slice; `None` where it ends too early.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(2)?.try_into().ok()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }
}

/// One record of the directory, as it is written.
#[derive(Clone, Debug)]
pub(super) struct Central<'a> {
    pub(super) made_by: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed_size: u64,
    pub(super) size: u64,
    pub(super) attributes: u32,
    pub(super) offset: u64,
    pub(super) name: &'a [u8],
}

impl<'a> Central<'a> {
    /// Reads the next record; `None` where it is none.
    pub(super) fn read(fields: &mut Fields<'a>) -> Option<Self> {
        if fields.u32()? != CENTRAL {
            return None;
        }
        let made_by = fields.u16()?;
        fields.u16()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        fields.u32()?;
        let crc = fields.u32()?;
        let packed_size = fields.u32()?;
        let size = fields.u32()?;
        let name_len = fields.u16()?;
        let extra_len = fields.u16()?;
        let comment_len = fields.u16()?;
        fields.u32()?;
        let attributes = fields.u32()?;
        let offset = fields.u32()?;
        let name = fields.bytes(name_len.into())?;
        let mut extra = Fields(fields.bytes(extra_len.into())?);
        fields.bytes(comment_len.into())?;

        let mut central = Self {
            made_by,
            flags,
            method,
            crc,
            packed_size: packed_size.into(),
            size: size.into(),
            attributes,
            offset: offset.into(),
            name,
        };
        while let Some(id) = extra.u16() {
            let Some(mut field) = extra
                .u16()
                .and_then(|len| extra.bytes(len.into()))
                .map(Fields)
            else {
                break;
            };
            if id == 1 {
                central.widen(&mut field, [size, packed_size, offset])?;
            }
        }
        Some(central)
    }

    /// Takes from the 64-bit field the numbers that did not fit their 32 bits.
    fn widen(&mut self, field: &mut Fields<'_>, narrow: [u32; 3]) -> Option<()> {
        let [size, packed_size, offset] = narrow;
        if size == u32::MAX {
            self.size = field.u64()?;
        }
        if packed_size == u32::MAX {
            self.packed_size = field.u64()?;
        }
        if offset == u32::MAX {
            self.offset = field.u64()?;
        }
        Some(())
    }
}
