# The program that tests/adopt puts here answers every request with one text.
FROM scratch
COPY http-echo /http-echo
USER 65532
ENTRYPOINT ["/http-echo"]
CMD ["-listen=:5678", "-text=front"]
