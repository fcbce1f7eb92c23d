/*===- mpi.c - ranks that talk through MPI ----------------------------------===
 *
 * A plug-in: the process that loads it needs no MPI to be built or to run
 * alone. MPI is initialised once and finalised with the last close.
 *===-----------------------------------------------------------------------===*/
#include <limits.h>
#include <mpi.h>
#include <nacre/collective.h>
#include <stdio.h>
#include <stdlib.h>

enum { slots = 64 };

/* MPI's state is the process's. */
static struct {
  MPI_Comm world;
  MPI_Request requests[slots];
} self;

static nacre_status report(int code, const char *call, nacre_error *error) {
  if (code == MPI_SUCCESS)
    return NACRE_OK;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  if (error)
    snprintf(error->text, sizeof error->text, "%s: %.*s", call, length, text);
  return NACRE_E_DEVICE;
}

static nacre_status refuse(nacre_status status, const char *text,
                           nacre_error *error) {
  if (error)
    snprintf(error->text, sizeof error->text, "%s", text);
  return status;
}

static nacre_status sum_begin(void *ctx, int64_t slot, float *values,
                              int64_t count, nacre_error *error) {
  (void)ctx;
  if (slot < 0 || slot >= slots || self.requests[slot] != MPI_REQUEST_NULL)
    return refuse(NACRE_E_LIMIT, "no such sum, or it is in flight", error);
  if (count > INT_MAX)
    return refuse(NACRE_E_LIMIT, "a sum has at most 2147483647 values", error);
  return report(MPI_Iallreduce(MPI_IN_PLACE, values, (int)count, MPI_FLOAT,
                               MPI_SUM, self.world, &self.requests[slot]),
                "MPI_Iallreduce", error);
}

static void progress(void *ctx) {
  (void)ctx;
  int flag;
  MPI_Testall(slots, self.requests, &flag, MPI_STATUSES_IGNORE);
}

static nacre_status sum_wait(void *ctx, int64_t slot, nacre_error *error) {
  (void)ctx;
  if (slot < 0 || slot >= slots)
    return refuse(NACRE_E_LIMIT, "no such sum", error);
  return report(MPI_Wait(&self.requests[slot], MPI_STATUS_IGNORE), "MPI_Wait",
                error);
}

static nacre_status exchange(void *ctx, int64_t peer, const void *send,
                             void *receive, int64_t bytes, nacre_error *error) {
  (void)ctx;
  /* In parts that an int can count. */
  const char *from = send;
  char *to = receive;
  while (bytes > 0) {
    int part = bytes > INT_MAX ? INT_MAX : (int)bytes;
    nacre_status status = report(MPI_Sendrecv(from, part, MPI_BYTE, (int)peer,
                                              0, to, part, MPI_BYTE, (int)peer,
                                              0, self.world, MPI_STATUS_IGNORE),
                                 "MPI_Sendrecv", error);
    if (status)
      return status;
    from += part;
    to += part;
    bytes -= part;
  }
  return NACRE_OK;
}

static nacre_status broadcast(void *ctx, int64_t root, void *bytes,
                              int64_t count, nacre_error *error) {
  (void)ctx;
  char *at = bytes;
  while (count > 0) {
    int part = count > INT_MAX ? INT_MAX : (int)count;
    nacre_status status =
        report(MPI_Bcast(at, part, MPI_BYTE, (int)root, self.world),
               "MPI_Bcast", error);
    if (status)
      return status;
    at += part;
    count -= part;
  }
  return NACRE_OK;
}

static nacre_status gather(void *ctx, const void *mine, void *all,
                           int64_t bytes, nacre_error *error) {
  (void)ctx;
  if (bytes > INT_MAX)
    return refuse(NACRE_E_LIMIT, "a gather takes at most 2147483647 bytes",
                  error);
  return report(MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes,
                              MPI_BYTE, self.world),
                "MPI_Allgather", error);
}

static void close_ranks(void *ctx) {
  (void)ctx;
  MPI_Comm_free(&self.world);
  MPI_Finalize();
}

/* Whether a launcher started the process: without one MPI makes it a world of
 * its own, and ranks that were to train together would each train alone. */
static int was_launched(void) {
  static const char *const marks[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK",
                                      "PMI_RANK", "PMI_SIZE", NULL};
  for (int i = 0; marks[i]; ++i)
    if (getenv(marks[i]))
      return 1;
  return 0;
}

nacre_status nacre_collective_open(nacre_collective *collective,
                                   nacre_error *error) {
  int done;
  if (!was_launched())
    return refuse(NACRE_E_DEVICE,
                  "this process was not started as a rank, use mpirun -n RANKS",
                  error);
  if (MPI_Initialized(&done) || done)
    return refuse(NACRE_E_DEVICE, "MPI was initialised before", error);
  int threads;
  nacre_status status =
      report(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads),
             "MPI_Init", error);
  if (status)
    return status;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  status =
      report(MPI_Comm_dup(MPI_COMM_WORLD, &self.world), "MPI_Comm_dup", error);
  int rank = 0, ranks = 0;
  if (!status)
    status = report(MPI_Comm_rank(self.world, &rank), "MPI_Comm_rank", error);
  if (!status)
    status = report(MPI_Comm_size(self.world, &ranks), "MPI_Comm_size", error);
  if (status) {
    MPI_Finalize();
    return status;
  }
  MPI_Comm_set_errhandler(self.world, MPI_ERRORS_RETURN);
  for (int i = 0; i < slots; ++i)
    self.requests[i] = MPI_REQUEST_NULL;
  *collective = (nacre_collective){NACRE_COLLECTIVE_VERSION,
                                   &self,
                                   rank,
                                   ranks,
                                   slots,
                                   sum_begin,
                                   progress,
                                   sum_wait,
                                   exchange,
                                   broadcast,
                                   gather,
                                   close_ranks};
  return NACRE_OK;
}
