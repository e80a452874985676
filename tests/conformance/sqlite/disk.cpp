#include "disk.hpp"

#include <new>
#include <utility>

namespace rgrid::sqlite {

namespace disk_calls {

struct DiskFile {
    sqlite3_file base;
    Disk* disk;
    std::string* path;  ///< Null for a temporary file without a name.

    [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    [[nodiscard]] DiskStep step(DiskAction action, std::int64_t at = 0) const {
        return {action, path == nullptr ? std::string{} : *path, at, {}};
    }
};

DiskFile& of(sqlite3_file* file) { return *reinterpret_cast<DiskFile*>(file); }

Disk& of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

int close(sqlite3_file* file) {
    auto& self = of(file);
    int const code = self.real()->pMethods->xClose(self.real());
    delete self.path;
    return code;
}

int read(sqlite3_file* file, void* data, int size, sqlite3_int64 at) {
    auto& self = of(file);
    if (int const code = self.disk->ask(self.step(DiskAction::read, at)); code != SQLITE_OK) return code;
    return self.real()->pMethods->xRead(self.real(), data, size, at);
}

int write(sqlite3_file* file, void const* data, int size, sqlite3_int64 at) {
    auto& self = of(file);
    auto step = self.step(DiskAction::write, at);
    if (self.disk->recording()) step.data.assign(static_cast<char const*>(data), static_cast<std::size_t>(size));
    int const code = self.disk->ask(std::move(step));
    if (code == SQLITE_OK) return self.real()->pMethods->xWrite(self.real(), data, size, at);
    self.real()->pMethods->xWrite(self.real(), data, size / 2, at);
    return code;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
    auto& self = of(file);
    if (int const code = self.disk->ask(self.step(DiskAction::truncate, size)); code != SQLITE_OK) return code;
    return self.real()->pMethods->xTruncate(self.real(), size);
}

int sync(sqlite3_file* file, int) {
    auto& self = of(file);
    return self.disk->ask(self.step(DiskAction::sync));
}

int map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
    auto& self = of(file);
    if (int const code = self.disk->ask(self.step(DiskAction::map)); code != SQLITE_OK) return code;
    return self.real()->pMethods->xShmMap(self.real(), page, size, extend, memory);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return of(file).real()->pMethods->xFileSize(of(file).real(), size);
}
int lock(sqlite3_file* file, int level) { return of(file).real()->pMethods->xLock(of(file).real(), level); }
int unlock(sqlite3_file* file, int level) { return of(file).real()->pMethods->xUnlock(of(file).real(), level); }
int check_reserved(sqlite3_file* file, int* result) {
    return of(file).real()->pMethods->xCheckReservedLock(of(file).real(), result);
}
int control(sqlite3_file* file, int what, void* argument) {
    return of(file).real()->pMethods->xFileControl(of(file).real(), what, argument);
}
int sector_size(sqlite3_file* file) { return of(file).real()->pMethods->xSectorSize(of(file).real()); }
int traits(sqlite3_file* file) { return of(file).real()->pMethods->xDeviceCharacteristics(of(file).real()); }
int map_lock(sqlite3_file* file, int offset, int size, int flags) {
    return of(file).real()->pMethods->xShmLock(of(file).real(), offset, size, flags);
}
void map_barrier(sqlite3_file* file) { of(file).real()->pMethods->xShmBarrier(of(file).real()); }
int unmap(sqlite3_file* file, int remove) { return of(file).real()->pMethods->xShmUnmap(of(file).real(), remove); }

// Version 2: without mapped reads and writes, so that all of them are seen.
sqlite3_io_methods const methods = {
    2,         close, read,           write,       truncate, sync, file_size, lock,        unlock,
    check_reserved, control, sector_size, traits, map,      map_lock, map_barrier, unmap, nullptr, nullptr};

int open(sqlite3_vfs* vfs, char const* path, sqlite3_file* file, int flags, int* out_flags) {
    auto& self = of(file);
    self.base.pMethods = nullptr;
    auto& disk = of(vfs);
    if (path != nullptr && (flags & SQLITE_OPEN_CREATE) != 0) {
        int there = 0;
        disk.real()->xAccess(disk.real(), path, SQLITE_ACCESS_EXISTS, &there);
        if (there == 0)
            if (int const code = disk.ask({DiskAction::make, path, 0, {}}); code != SQLITE_OK) return code;
    }
    int const code = disk.real()->xOpen(disk.real(), path, self.real(), flags, out_flags);
    if (code != SQLITE_OK) return code;
    self.disk = &disk;
    self.path = path == nullptr ? nullptr : new std::string{path};
    self.base.pMethods = &methods;
    return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, char const* path, int sync_folder) {
    auto& disk = of(vfs);
    if (int const code = disk.ask({DiskAction::remove, path, 0, {}}); code != SQLITE_OK) return code;
    return disk.real()->xDelete(disk.real(), path, sync_folder);
}

int access(sqlite3_vfs* vfs, char const* path, int flags, int* result) {
    return of(vfs).real()->xAccess(of(vfs).real(), path, flags, result);
}
int full_path(sqlite3_vfs* vfs, char const* path, int size, char* result) {
    return of(vfs).real()->xFullPathname(of(vfs).real(), path, size, result);
}
int randomness(sqlite3_vfs* vfs, int size, char* result) {
    return of(vfs).real()->xRandomness(of(vfs).real(), size, result);
}
int sleep(sqlite3_vfs* vfs, int microseconds) { return of(vfs).real()->xSleep(of(vfs).real(), microseconds); }
int current_time(sqlite3_vfs* vfs, double* time) { return of(vfs).real()->xCurrentTime(of(vfs).real(), time); }
int last_error(sqlite3_vfs* vfs, int size, char* text) {
    return of(vfs).real()->xGetLastError(of(vfs).real(), size, text);
}
int current_milliseconds(sqlite3_vfs* vfs, sqlite3_int64* time) {
    return of(vfs).real()->xCurrentTimeInt64(of(vfs).real(), time);
}

}  // namespace disk_calls

Disk::Disk() : real_(sqlite3_vfs_find(nullptr)), shim_(std::make_unique<sqlite3_vfs>()) {
    auto& shim = *shim_;
    shim.iVersion = 2;
    shim.szOsFile = static_cast<int>(sizeof(disk_calls::DiskFile)) + real_->szOsFile;
    shim.mxPathname = real_->mxPathname;
    shim.zName = "test-disk";
    shim.pAppData = this;
    shim.xOpen = disk_calls::open;
    shim.xDelete = disk_calls::remove;
    shim.xAccess = disk_calls::access;
    shim.xFullPathname = disk_calls::full_path;
    shim.xRandomness = disk_calls::randomness;
    shim.xSleep = disk_calls::sleep;
    shim.xCurrentTime = disk_calls::current_time;
    shim.xGetLastError = disk_calls::last_error;
    shim.xCurrentTimeInt64 = disk_calls::current_milliseconds;
    sqlite3_vfs_register(shim_.get(), 1);
}

Disk::~Disk() {
    sqlite3_vfs_unregister(shim_.get());
    sqlite3_vfs_register(real_, 1);
}

void Disk::judge(Judge judge) {
    std::scoped_lock const lock{mutex_};
    judge_ = std::move(judge);
}

void Disk::record(bool on) {
    std::scoped_lock const lock{mutex_};
    recording_ = on;
}

std::vector<DiskStep> Disk::steps() const {
    std::scoped_lock const lock{mutex_};
    return steps_;
}

std::size_t Disk::count() const {
    std::scoped_lock const lock{mutex_};
    return steps_.size();
}

bool Disk::recording() const {
    std::scoped_lock const lock{mutex_};
    return recording_;
}

int Disk::ask(DiskStep step) {
    std::scoped_lock const lock{mutex_};
    if (judge_)
        if (int const code = judge_(step); code != SQLITE_OK) return code;
    if (recording_ && step.action != DiskAction::read && step.action != DiskAction::map)
        steps_.push_back(std::move(step));
    return SQLITE_OK;
}

}  // namespace rgrid::sqlite
