// Whole files, read through the folders that the host has opened for the guest.
import {
  errno,
  errnoToString,
  fd,
  fd_close,
  fd_filestat_get,
  fd_prestat_dir_name,
  fd_prestat_get,
  fd_read,
  filestat,
  iovec,
  lookupflags,
  path_open,
  prestat,
  prestat_dir,
  rights,
} from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

const FIRST_FOLDER: fd = 3;

/** A file's bytes, or why there are none. */
export class File {
  data: ArrayBuffer = new ArrayBuffer(0);
  error: string | null = null;
}

function failed(error: errno): File {
  const file = new File();
  file.error = error == errno.NOENT ? "No such file or directory" : "error " + errnoToString(error);
  return file;
}

/** The name under which the guest sees an open folder, or null where there is no such folder. */
function folderName(folder: fd): string | null {
  const stat = new prestat_dir();
  if (fd_prestat_get(folder, changetype<prestat>(stat)) != errno.SUCCESS) return null;
  const name = new ArrayBuffer(<i32>stat.name_len);
  if (fd_prestat_dir_name(folder, changetype<usize>(name), stat.name_len) != errno.SUCCESS) return null;
  return String.UTF8.decode(name);
}

export function readFile(path: string): File {
  let folder = FIRST_FOLDER;
  for (let name = folderName(folder); name != null; name = folderName(++folder)) {
    if (name == ".") return readBelow(folder, path);
    if (path.startsWith(name + "/")) return readBelow(folder, path.substring(name.length + 1));
  }
  return failed(errno.NOENT);
}

function readBelow(folder: fd, path: string): File {
  const name = String.UTF8.encode(path);
  const opened = new StaticArray<fd>(1);
  let error = path_open(
    folder, lookupflags.SYMLINK_FOLLOW, changetype<usize>(name), name.byteLength, 0,
    rights.FD_READ | rights.FD_FILESTAT_GET, 0, 0, changetype<usize>(opened),
  );
  if (error != errno.SUCCESS) return failed(error);
  const file = readOpen(opened[0]);
  fd_close(opened[0]);
  return file;
}

function readOpen(source: fd): File {
  const stat = new filestat();
  let error = fd_filestat_get(source, stat);
  if (error != errno.SUCCESS) return failed(error);
  if (stat.size > <u64>i32.MAX_VALUE / 2) return failed(errno.FBIG);

  const file = new File();
  const size = <usize>stat.size;
  file.data = new ArrayBuffer(<i32>size);
  const target = new iovec();
  const count = new StaticArray<usize>(1);
  // One read may bring fewer bytes than asked for: hosts cut large ones short.
  for (let read: usize = 0; read < size; read += count[0]) {
    target.buf = changetype<usize>(file.data) + read;
    target.buf_len = size - read;
    error = fd_read(source, changetype<usize>(target), 1, changetype<usize>(count));
    if (error != errno.SUCCESS) return failed(error);
    if (count[0] == 0) return failed(errno.IO);
  }
  return file;
}
